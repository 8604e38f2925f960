//! [`KafkaCluster`]: what is to be known and arranged of a cluster.

use std::sync::Arc;

use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::metadata::Metadata;

use crate::KafkaOptions;
use crate::client::client;

/// How a cluster stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterLook {
    /// Brokers that are there.
    pub brokers: usize,
    /// Partitions of the topics that were asked about.
    pub partitions: usize,
    /// Of these, how many have fewer replicas in sync than they should.
    pub under_replicated: usize,
    /// Of these, how many nobody leads: they take nothing.
    pub leaderless: usize,
    /// Topics that are not there.
    pub missing: Vec<String>,
}

/// A cluster as its administrator sees it. Nothing is connected before something is asked.
#[derive(Clone)]
pub struct KafkaCluster {
    pub(crate) options: KafkaOptions,
    pub(crate) admin: Arc<AdminClient<DefaultClientContext>>,
}

impl KafkaCluster {
    /// The cluster of these options.
    ///
    /// # Errors
    /// What is wrong with the options, in the client library's words.
    pub fn new(options: &KafkaOptions) -> Result<Self, String> {
        let admin = AdminClient::from_config(&client(options)).map_err(|error| error.to_string())?;
        Ok(Self { options: options.clone(), admin: Arc::new(admin) })
    }

    /// Asks for what is known of every topic; without an answer in time, why.
    pub(crate) async fn metadata(&self) -> Result<Metadata, String> {
        let (admin, deadline) = (Arc::clone(&self.admin), self.options.deadline);
        let asked = tokio::task::spawn_blocking(move || admin.inner().fetch_metadata(None, deadline));
        match asked.await {
            Ok(Ok(metadata)) => Ok(metadata),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the question broke".to_owned()),
        }
    }

    /// Into how many partitions a topic is cut; `None` when it is not there.
    ///
    /// # Errors
    /// Why the cluster did not answer.
    pub async fn partitions(&self, topic: &str) -> Result<Option<u32>, String> {
        let metadata = self.metadata().await?;
        let found = metadata.topics().iter().find(|known| known.name() == topic && known.error().is_none());
        Ok(found.and_then(|topic| u32::try_from(topic.partitions().len()).ok()))
    }

    /// How the cluster stands, with regard to these topics.
    ///
    /// # Errors
    /// Why it did not answer.
    pub async fn look(&self, topics: &[String]) -> Result<ClusterLook, String> {
        let metadata = self.metadata().await?;
        let mut look = ClusterLook { brokers: metadata.brokers().len(), ..ClusterLook::default() };
        for name in topics {
            let found = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none());
            let Some(topic) = found else {
                look.missing.push(name.clone());
                continue;
            };
            look.partitions += topic.partitions().len();
            for partition in topic.partitions() {
                look.under_replicated += usize::from(partition.isr().len() < partition.replicas().len());
                look.leaderless += usize::from(partition.leader() < 0);
            }
        }
        Ok(look)
    }
}
