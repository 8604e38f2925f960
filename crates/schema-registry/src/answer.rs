//! What a registry's answer means. Its status and code decide: its words differ from registry to registry.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use velox_messages::RegistryError;

/// The codes by which a registry says that it has no such subject, version or schema.
const UNKNOWN: [i64; 3] = [40401, 40402, 40403];
/// How many characters of an answer are passed on in an error.
const LONGEST_WORDS: usize = 500;

/// An answer, read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

#[derive(Deserialize)]
struct Trouble {
    error_code: i64,
    #[serde(default)]
    message: String,
}

impl Answer {
    /// What was asked for.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, RegistryError> {
        self.check()?;
        serde_json::from_slice(&self.body).map_err(|error| {
            RegistryError::Refused(format!("it answers {} and not what was asked: {error}", self.status))
        })
    }

    /// Whether it was done.
    pub(crate) fn check(&self) -> Result<(), RegistryError> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let trouble: Option<Trouble> = serde_json::from_slice(&self.body).ok();
        let code = trouble.as_ref().map(|trouble| trouble.error_code);
        let message = trouble.map(|trouble| trouble.message.chars().take(LONGEST_WORDS).collect::<String>());
        let words = || {
            let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
            let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            format!("it answers {}{code}{message}", self.status)
        };
        Err(match (self.status, code) {
            (404, Some(code)) if UNKNOWN.contains(&code) => RegistryError::Unknown,
            (409, _) => RegistryError::Incompatible(words()),
            (408 | 429 | 500.., _) => RegistryError::Away(words()),
            // A 404 without a code of the registry's is somebody else's: the path is wrong.
            _ => RegistryError::Refused(words()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn status_and_code_decide() {
        let code = |code: i64| format!(r#"{{"error_code":{code},"message":"words"}}"#);
        assert_eq!(answer(200, "{}").check(), Ok(()));
        for known in UNKNOWN {
            assert_eq!(answer(404, &code(known)).check(), Err(RegistryError::Unknown));
        }
        type Kind = fn(&RegistryError) -> bool;
        let refused: Kind = |error| matches!(error, RegistryError::Refused(_));
        let away: Kind = |error| matches!(error, RegistryError::Away(_));
        let incompatible: Kind = |error| matches!(error, RegistryError::Incompatible(_));
        for (status, body, kind) in [
            (404, code(404), refused),
            (404, "<html>nothing here</html>".to_owned(), refused),
            (404, code(0), refused),
            (302, String::new(), refused),
            (401, String::new(), refused),
            (403, code(40301), refused),
            (422, code(42201), refused),
            (409, code(409), incompatible),
            (409, "words".to_owned(), incompatible),
            (408, String::new(), away),
            (429, String::new(), away),
            (500, code(50001), away),
            (503, "<html>".to_owned(), away),
        ] {
            let error = answer(status, &body).check();
            assert!(error.as_ref().is_err_and(kind), "{status} {body}: {error:?}");
        }
        assert!(answer(200, "<html>").read::<Trouble>().is_err_and(|error| refused(&error)));
    }

    #[test]
    fn passes_on_what_it_says_within_a_bound() {
        let long = "x".repeat(2_000);
        let error = answer(422, &format!(r#"{{"error_code":42201,"message":"{long}"}}"#)).check();
        let expected = format!("it answers 422 (42201): {}", "x".repeat(LONGEST_WORDS));
        assert_eq!(error, Err(RegistryError::Refused(expected)));
    }
}
