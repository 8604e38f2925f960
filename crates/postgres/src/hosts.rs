//! An address with several hosts, of which one is the primary: none that hangs keeps us from the others.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_postgres::config::{Host, LoadBalanceHosts};
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::server::Driver;

/// How long a host may take before the next one is asked as well. The driver itself would ask one after the other, and
/// wait for one that takes connections and says nothing for as long as its caller has patience.
const PATIENCE: Duration = Duration::from_millis(300);

/// Connects to the first host, in the order of the address, that has what is asked for (`target_session_attrs`).
pub(crate) async fn connect(config: &Config, tls: &MakeRustlsConnect) -> Result<(Client, Driver), Error> {
    let hosts = config.get_hosts().len();
    if hosts < 2 || config.get_load_balance_hosts() == LoadBalanceHosts::Random {
        return config.connect(tls.clone()).await;
    }
    let begin = |host| async move { only(config, host).connect(tls.clone()).await };
    let mut tries = FuturesUnordered::from_iter([begin(0)]);
    let mut next = 1;
    loop {
        tokio::select! {
            Some(tried) = tries.next() => match tried {
                Err(error) if tries.is_empty() && next == hosts => return Err(error),
                // The next one's turn has come.
                Err(_) => {}
                connected => return connected,
            },
            () = tokio::time::sleep(PATIENCE) => {}
        }
        if next < hosts {
            tries.push(begin(next));
            next += 1;
        }
    }
}

/// The same with one of the hosts.
fn only(config: &Config, host: usize) -> Config {
    let mut one = Config::new();
    match &config.get_hosts()[host] {
        Host::Tcp(name) => one.host(name),
        #[cfg(unix)]
        Host::Unix(path) => one.host_path(path),
    };
    config.get_hostaddrs().get(host).map(|address| one.hostaddr(*address));
    config.get_ports().get(host).or(config.get_ports().first()).map(|port| one.port(*port));
    config.get_user().map(|user| one.user(user));
    config.get_password().map(|password| one.password(password));
    config.get_dbname().map(|name| one.dbname(name));
    config.get_options().map(|options| one.options(options));
    config.get_application_name().map(|name| one.application_name(name));
    config.get_connect_timeout().map(|time| one.connect_timeout(*time));
    config.get_tcp_user_timeout().map(|time| one.tcp_user_timeout(*time));
    config.get_keepalives_interval().map(|time| one.keepalives_interval(time));
    config.get_keepalives_retries().map(|times| one.keepalives_retries(times));
    one.keepalives(config.get_keepalives());
    one.keepalives_idle(config.get_keepalives_idle());
    one.ssl_mode(config.get_ssl_mode());
    one.ssl_negotiation(config.get_ssl_negotiation());
    one.target_session_attrs(config.get_target_session_attrs());
    one.channel_binding(config.get_channel_binding());
    one
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::str::FromStr;

    use super::*;

    #[test]
    fn one_of_several_is_as_if_it_were_alone() {
        let address = |hosts: &str| {
            let words = "target_session_attrs=read-write&connect_timeout=3&keepalives_idle=7&tcp_user_timeout=9\
                         &keepalives_interval=2&keepalives_retries=4&options=-c%20jit%3Doff&application_name=x";
            Config::from_str(&format!("postgres://u:p@{hosts}/velox?{words}&channel_binding=disable")).unwrap()
        };
        let both = address("one:5433,other:5434");
        assert_eq!([only(&both, 0), only(&both, 1)], [address("one:5433"), address("other:5434")]);
        let both = Config::from_str("host=one,/run/postgresql port=5433 user=u keepalives=0").unwrap();
        assert_eq!(only(&both, 1), Config::from_str("host=/run/postgresql port=5433 user=u keepalives=0").unwrap());
    }
}
