//! nginx in front of gateways, by `deploy/nginx/nginx.conf.template`.

use crate::{process, programs, workspace};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable with the path of the program.
pub(crate) const PROGRAM: &str = "VELOX_TEST_NGINX";

/// Where the program is.
pub(crate) fn find() -> anyhow::Result<PathBuf> {
    programs::find("nginx", "nginx")
}

/// Writes the configuration into a folder; gives the command that serves with it until it is told to end.
pub(crate) fn prepare(folder: &Path, listen: &str, gateways: &[u16]) -> anyhow::Result<Command> {
    let template = workspace::root().join("deploy/nginx/nginx.conf.template");
    let text = std::fs::read_to_string(&template).with_context(|| format!("cannot read {}", template.display()))?;
    std::fs::create_dir_all(folder.join("tmp"))?;
    std::fs::write(folder.join("nginx.conf"), fill(&text, listen, gateways))?;
    let mut nginx = process::ending_with_us(&find()?);
    nginx.arg("-p").arg(folder).args(["-c", "nginx.conf", "-g"]);
    // As root its workers would be somebody who cannot get at this folder.
    let user = if rustix::process::geteuid().is_root() { "user root; " } else { "" };
    nginx.arg(format!("{user}daemon off;"));
    Ok(nginx)
}

fn fill(template: &str, listen: &str, gateways: &[u16]) -> String {
    let lines = gateways.iter().map(|port| format!("        server 127.0.0.1:{port} max_fails=0;"));
    let lines: Vec<_> = lines.collect();
    // The words stand in the comments as well, where one line is enough.
    let body = template.replace("\n${GATEWAYS}\n", &format!("\n{}\n", lines.join("\n")));
    body.replace("${LISTEN}", listen)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_blanks_of_the_template_are_filled() {
        let text = super::fill("# ${GATEWAYS}\nlisten ${LISTEN};\n${GATEWAYS}\n", "127.0.0.1:3000", &[1, 2]);
        let lines = "        server 127.0.0.1:1 max_fails=0;\n        server 127.0.0.1:2 max_fails=0;";
        assert_eq!(text, format!("# ${{GATEWAYS}}\nlisten 127.0.0.1:3000;\n{lines}\n"));
    }
}
