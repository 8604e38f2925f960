//! How to sign in to a server: a token from a file, or an address with a password.

use std::io;
use std::path::PathBuf;

use console::Term;
use secrecy::SecretString;

use super::ImportArgs;

/// The variable that a password is taken from.
const PASSWORD: &str = "VELOX_PASSWORD";

/// Why it is not clear how to sign in.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Nothing was said.
    #[error("say how to sign in: --email NAME, or --token-file FILE")]
    Missing,
    /// The token's file cannot be read, or is empty.
    #[error("--token-file {}: {reason}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is nobody to ask for the password.
    #[error("there is no terminal to ask for the password: put it into {PASSWORD}")]
    NoTerminal,
    /// The terminal does not answer.
    #[error("the password cannot be read: {0}")]
    Terminal(#[from] io::Error),
}

/// How to sign in.
#[derive(Clone)]
pub(super) enum Credentials {
    /// An access token.
    Token(SecretString),
    /// A user.
    User { email: String, password: SecretString },
}

impl Credentials {
    pub(super) fn of(args: &ImportArgs) -> Result<Self, CredentialsError> {
        if let Some(path) = &args.token_file {
            let fail = |reason: String| CredentialsError::TokenFile { path: path.clone(), reason };
            let text = std::fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
            return match text.trim() {
                "" => Err(fail("it is empty".to_owned())),
                token if token.contains(|sign: char| !sign.is_ascii_graphic()) => {
                    Err(fail("it holds more than one token".to_owned()))
                }
                token => Ok(Self::Token(SecretString::from(token))),
            };
        }
        let email = args.email.clone().ok_or(CredentialsError::Missing)?;
        let password = match std::env::var(PASSWORD) {
            Ok(password) => password,
            Err(_) => ask(&email)?,
        };
        Ok(Self::User { email, password: SecretString::from(password) })
    }
}

fn ask(email: &str) -> Result<String, CredentialsError> {
    let terminal = Term::stderr();
    if !terminal.is_term() {
        return Err(CredentialsError::NoTerminal);
    }
    terminal.write_str(&format!("Password of {email}: "))?;
    Ok(terminal.read_secure_line()?)
}
