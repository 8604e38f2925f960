//! One broker, which is a controller as well: its settings, its data, its command.

use super::install::Installation;
use super::layout::Layout;
use crate::java::Tuned;
use anyhow::Context;
use std::path::Path;
use std::process::Command;

/// The command of the broker of this number, on data that are made when there are none. Its settings are written beside
/// the data. `java` is the command that Java is, or that starts it.
pub(crate) fn command(
    installation: &Installation,
    mut java: Command,
    number: u16,
    layout: &Layout,
    data: &Path,
    (tuned, more): (Tuned, &[String]),
) -> anyhow::Result<Command> {
    let mut settings = properties(number, layout, data)?;
    for setting in more {
        // Of two lines about one thing the later one counts.
        settings.push_str(setting);
        settings.push('\n');
    }
    let file = data.with_extension("properties");
    std::fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))?;
    if !data.exists() {
        installation.make_data(data, number)?;
    }
    java.args(installation.flags(tuned)).arg("kafka.Kafka").arg(&file).current_dir(data);
    Ok(java)
}

/// The settings of the broker of this number.
pub(super) fn properties(number: u16, layout: &Layout, data: &Path) -> anyhow::Result<String> {
    let ports = layout.broker(number)?;
    let voters = (1..).zip(&layout.brokers).map(|(number, ports)| format!("{number}@127.0.0.1:{}", ports.controllers));
    let voters = voters.collect::<Vec<_>>().join(",");
    // As many copies as there are brokers, up to three; with three, one may be away.
    let copies = layout.nodes().min(3);
    let enough = copies.div_ceil(2);
    Ok(format!(
        "\
node.id={number}
process.roles=broker,controller
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:{clients},CONTROLLER://127.0.0.1:{controllers}
advertised.listeners=PLAINTEXT://127.0.0.1:{clients}
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor={copies}
min.insync.replicas={enough}
offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={enough}
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={enough}
# What groups and transactions need is made when the first one comes: three files, not fifty.
offsets.topic.num.partitions=3
transaction.state.log.num.partitions=3
share.coordinator.state.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
# One that was killed is noticed soon.
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
# It comes out of the heap.
log.cleaner.dedupe.buffer.size=4194304
",
        clients = ports.clients,
        controllers = ports.controllers,
        data = data.display(),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::layout::Ports;
    use super::*;

    fn layout(nodes: u16) -> Layout {
        let brokers = (1..=nodes).map(|number| Ports { clients: 9000 + number, controllers: 9100 + number });
        Layout { brokers: brokers.collect(), registry: 8081 }
    }

    fn lines(number: u16, nodes: u16) -> Vec<String> {
        let text = properties(number, &layout(nodes), Path::new("/data/broker")).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn one_broker_keeps_one_copy() {
        let lines = lines(1, 1);
        for line in [
            "node.id=1",
            "controller.quorum.voters=1@127.0.0.1:9101",
            "listeners=PLAINTEXT://127.0.0.1:9001,CONTROLLER://127.0.0.1:9101",
            "log.dirs=/data/broker",
            "auto.create.topics.enable=false",
            "offsets.topic.replication.factor=1",
            "min.insync.replicas=1",
        ] {
            assert!(lines.iter().any(|there| there == line), "{line} is missing: {lines:#?}");
        }
    }

    #[test]
    fn three_brokers_keep_three_copies_and_one_may_be_away() {
        let lines = lines(2, 3);
        for line in [
            "node.id=2",
            "controller.quorum.voters=1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103",
            "advertised.listeners=PLAINTEXT://127.0.0.1:9002",
            "default.replication.factor=3",
            "min.insync.replicas=2",
            "transaction.state.log.min.isr=2",
        ] {
            assert!(lines.iter().any(|there| there == line), "{line} is missing: {lines:#?}");
        }
        assert!(properties(4, &layout(3), Path::new("/data")).is_err());
    }
}
