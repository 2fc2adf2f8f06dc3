//! Invocations of cargo, as data that prints and runs.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::process::{Child, Command, Stdio};

/// One call of cargo from the root of the repository.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    env: Vec<(&'static str, String)>,
    args: Vec<String>,
}

impl Invocation {
    /// A call with the words of `line` as arguments.
    pub fn new(line: &str) -> Self {
        Self { env: Vec::new(), args: line.split_whitespace().map(String::from).collect() }
    }

    /// Adds arguments as they are.
    pub fn args(mut self, args: &[String]) -> Self {
        self.args.extend_from_slice(args);
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Adds environment variables.
    pub fn envs(mut self, variables: &[(&'static str, String)]) -> Self {
        self.env.extend_from_slice(variables);
        self
    }

    /// Runs it; what it prints goes where ours goes.
    pub fn run(&self) -> Result<(), String> {
        let status = self.command().status().map_err(|error| self.unstartable(&error))?;
        if status.success() { Ok(()) } else { Err(format!("`{self}` ended with {status}")) }
    }

    /// Starts it without waiting for its end.
    pub fn start(&self) -> Result<Child, String> {
        self.command().spawn().map_err(|error| self.unstartable(&error))
    }

    /// Runs it and answers what it prints to standard output.
    pub fn output(&self) -> Result<String, String> {
        let output = self
            .command()
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| self.unstartable(&error))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!("`{self}` ended with {}", output.status))
        }
    }

    /// Whether it ends well; what it prints is dropped.
    pub fn succeeds(&self) -> bool {
        let mut command = self.command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(program);
        command
            .current_dir(crate::root())
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn unstartable(&self, error: &std::io::Error) -> String {
        format!("`{self}` did not start: {error}")
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quoted(value))?;
        }
        write!(f, "cargo")?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// The word as a shell would take it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn an_invocation_prints_as_a_shell_would_take_it() {
        let extra = ["test(=a b)".to_owned(), "it's".to_owned()];
        let invocation =
            Invocation::new("doc --workspace").env("RUSTDOCFLAGS", "-D warnings").args(&extra);
        expect![[r#"RUSTDOCFLAGS='-D warnings' cargo doc --workspace 'test(=a b)' 'it'\''s'"#]]
            .assert_eq(&invocation.to_string());
    }
}
