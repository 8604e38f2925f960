//! [`Catalog`]: which brokers there are and what each needs.

use crate::{BrokerKind, BrokerSettings, Environment, PaperSettings};

/// The brokers that this installation can connect to.
#[derive(Clone, Debug)]
pub struct Catalog(Vec<CatalogEntry>);

/// A broker in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogEntry {
    /// Its name in requests.
    pub kind: BrokerKind,
    /// Its name for people.
    pub title: &'static str,
    /// What it offers.
    pub environments: Vec<Environment>,
    /// What a connection needs to sign in there.
    pub credentials: Vec<CredentialField>,
    /// The settings of a connection that names none.
    pub usual_settings: BrokerSettings,
}

/// One thing that a broker wants to know before it lets anybody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialField {
    /// Its name in requests.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Whether a connection cannot do without.
    pub required: bool,
}

impl Catalog {
    /// A catalog of the given brokers.
    #[must_use]
    pub const fn new(entries: Vec<CatalogEntry>) -> Self {
        Self(entries)
    }

    /// The catalog that holds the paper broker alone, with the settings of a connection that names none.
    #[must_use]
    pub fn paper_alone(usual: PaperSettings) -> Self {
        let paper = "paper".parse().map(|kind| CatalogEntry {
            kind,
            title: "Paper broker",
            environments: vec![Environment::Paper],
            credentials: Vec::new(),
            usual_settings: BrokerSettings::Paper(usual),
        });
        Self(paper.into_iter().collect())
    }

    /// The brokers, in the order they are shown.
    #[must_use]
    pub fn entries(&self) -> &[CatalogEntry] {
        &self.0
    }

    /// The broker of this kind.
    #[must_use]
    pub fn find(&self, kind: BrokerKind) -> Option<&CatalogEntry> {
        self.0.iter().find(|entry| entry.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn paper_alone_is_there() {
        let catalog = Catalog::paper_alone(PaperSettings::usual("USD".parse().unwrap()));
        assert_eq!(catalog.entries().len(), 1);
        assert!(catalog.find("paper".parse().unwrap()).is_some());
        assert!(catalog.find("alpaca".parse().unwrap()).is_none());
    }
}
