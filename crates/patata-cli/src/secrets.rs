//! Secrets on the command line: `env:NAME` stands for what a variable holds, and is all that is ever written down.

use crate::args::commands::RunArgs;
use crate::args::request::RequestFlags;
use crate::args::values::Header;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::input::BodyParts;
use crate::variables::{Variables, names, names_variable};

/// Flags that give a body, which may be given in a file instead.
const BODIES: [&str; 3] = ["-d", "--json", "--form"];

/// Ends of words that are names of secrets.
const SECRET_WORDS: [&str; 6] = ["key", "token", "secret", "password", "passwd", "auth"];
const SECRET_HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-amz-security-token"];

/// A text in which the values of variables stand in the place of their names.
///
/// # Errors
/// A variable that is not set, or is no text.
pub(crate) fn filled(
    flag: &str,
    text: &str,
    environment: &Environment,
    encode: impl Fn(&str) -> String,
) -> Result<String, Failure> {
    let mut variables = Variables::default();
    look_up(flag, text, environment, &mut variables)?;
    Ok(variables.fill(text, encode))
}

/// Looks up all variables that a text names.
///
/// # Errors
/// A variable that is not set, or is no text.
pub(crate) fn look_up(
    flag: &str,
    text: &str,
    environment: &Environment,
    variables: &mut Variables,
) -> Result<(), Failure> {
    for name in names(text) {
        let Some(value) = environment.get(name) else {
            let fix = match BODIES.contains(&flag) {
                true => "; a body that has this text goes into a file: -d @FILE",
                false => "",
            };
            return Err(Failure::usage(format!(
                "{flag}: the environment variable {name} is not set; set it before, as by `export {name}=…`{fix}"
            )));
        };
        let value = value.to_str().ok_or_else(|| {
            Failure::usage(format!("{flag}: the environment variable {name} is no UTF-8; set it anew"))
        })?;
        variables.insert(name, value);
    }
    Ok(())
}

/// Refuses what would be written down in a run folder and must not be.
///
/// # Errors
/// Names the flag, and how to write it.
pub(crate) fn refuse_plain(
    run: &RunArgs,
    url: Option<&str>,
    body: Option<&BodyParts>,
) -> Result<(), Failure> {
    refuse_in_request(&run.request)?;
    body.map_or(Ok(()), refuse_in_body)?;
    if let Some(proxy) = run.connections.proxy.as_deref().filter(|proxy| has_plain_credentials(proxy)) {
        let place = after_credentials(proxy);
        return Err(refused(
            "--proxy",
            "the proxy's password",
            &format!("--proxy 'http://NAME:env:PROXY_PASSWORD@{place}'"),
        ));
    }
    if run.limits.budgets.shared().any(|handle| {
        has_plain_credentials(handle) || query(handle).any(|(name, value)| is_secret(name) && is_plain(value))
    }) {
        return Err(refused("--budget", "the secret in the handle", "--budget env:BUDGET"));
    }
    if let Some((name, _)) =
        url.and_then(|url| query(url).find(|(name, value)| is_secret(name) && is_plain(value)))
    {
        let fix = format!("--param '{name}=env:{}', and the URL without it", variable(name));
        return Err(refused("URL", &format!("the parameter {name}"), &fix));
    }
    match url.filter(|url| has_plain_credentials(url)) {
        Some(_) => {
            Err(refused("URL", "the password in the URL", "-u 'NAME:env:PASSWORD', and the URL without it"))
        }
        None => Ok(()),
    }
}

/// Refuses a URL that has the name of a variable where a secret is meant: it is sent as it stands.
///
/// # Errors
/// Says how to write it.
pub(crate) fn refuse_variables_in_url(url: &str) -> Result<(), Failure> {
    let told = |what: &str, fix: &str| {
        Err(Failure::usage(format!(
            "URL: variables are not looked up in a URL, as {what}; write {fix}, and the URL without it"
        )))
    };
    if authority(url).rsplit_once('@').is_some_and(|(credentials, _)| names_variable(credentials)) {
        return told("in its password", "-u 'NAME:env:PASSWORD'");
    }
    match query(url).find(|(name, value)| is_secret(name) && names_variable(value)) {
        Some((name, value)) => told(&format!("in its {name}"), &format!("--param '{name}={value}'")),
        None => Ok(()),
    }
}

fn refuse_in_request(request: &RequestFlags) -> Result<(), Failure> {
    if request.user.as_deref().is_some_and(|user| !names_variable(user)) {
        return Err(refused("--user", "the password", "-u 'NAME:env:PASSWORD'"));
    }
    if request.bearer.as_deref().is_some_and(|token| !names_variable(token)) {
        return Err(refused("--bearer", "the token", "--bearer env:TOKEN"));
    }
    if request.cookies.iter().any(|cookies| is_plain(cookies)) {
        return Err(refused("--cookie", "the cookie", "-b 'NAME=env:COOKIE'"));
    }
    for header in &request.headers {
        if let Header::Set(name, value) = header
            && is_secret(name)
            && is_plain(value)
        {
            let scheme = value.split_once(' ').map(|(scheme, _)| format!("{scheme} ")).unwrap_or_default();
            let fix = format!("-H '{name}: {scheme}env:{}'", variable(name));
            return Err(refused("--header", &format!("the header {name}"), &fix));
        }
    }
    for header in &request.headers {
        if let Header::Set(name, value) = header
            && names_variable(value)
            && (value.contains('{') || name.eq_ignore_ascii_case("content-type"))
            // These are left out of what can be sent again.
            && !["authorization", "proxy-authorization", "cookie"].contains(&&*name.to_ascii_lowercase())
        {
            return Err(Failure::usage(format!(
                "-H: {name}: the variable would stand in failed.jsonl, with what is made for each row; make two \
                 headers of them"
            )));
        }
    }
    let mut params = request.params.iter();
    if let Some(pair) = params.find(|pair| names_variable(&pair.1) && pair.1.contains('{')) {
        let why = "the variable and the field of a row would stand in one value, in failed.jsonl too";
        return Err(Failure::usage(format!("--param: {}: {why}; make two parameters of them", pair.0)));
    }
    for pair in &request.params {
        if is_secret(&pair.0) && is_plain(&pair.1) {
            let fix = format!("--param '{}=env:{}'", pair.0, variable(&pair.0));
            return Err(refused("--param", &format!("the parameter {}", pair.0), &fix));
        }
    }
    Ok(())
}

/// Of what a body has a name for, as fields of forms and members of JSON.
fn refuse_in_body(body: &BodyParts) -> Result<(), Failure> {
    let values = body.named_values();
    let Some((name, _)) = values.iter().find(|(name, value)| is_secret(name) && is_plain(value)) else {
        return Ok(());
    };
    let pair = format!("{name}=env:{}", variable(name));
    let fix = match body {
        BodyParts::Form(_) => format!("--form '{pair}'"),
        _ if body.is_json() => format!("\"{name}\": \"env:{}\"", variable(name)),
        _ => pair,
    };
    Err(refused(
        body.flag(),
        &format!("its {name}"),
        &format!("{fix}; or give the body in a file, as -d @FILE"),
    ))
}

fn refused(flag: &str, what: &str, fix: &str) -> Failure {
    Failure::usage(format!(
        "{flag}: {what} would be written down in the run folder; put it into an environment variable, and write \
         {fix}"
    ))
}

/// Whether a value is a secret itself: not the name of a variable, nor a field of the row.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && !names_variable(value) && !value.contains('{')
}

/// Whether what has this name is secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // It tells requests apart, and nobody's rights.
    name != "idempotency-key"
        && (SECRET_HEADERS.contains(&&*name)
            || name.split(['-', '_']).any(|word| SECRET_WORDS.iter().any(|secret| word.ends_with(secret))))
}

/// A name for the variable that holds it.
fn variable(name: &str) -> String {
    if name.eq_ignore_ascii_case("authorization") {
        return "TOKEN".to_owned();
    }
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Names and values of a query, as they stand there.
fn query(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter_map(|pair| pair.split_once('='))
}

fn has_plain_credentials(url: &str) -> bool {
    authority(url).rsplit_once('@').is_some_and(|(credentials, _)| is_plain(credentials))
}

fn after_credentials(url: &str) -> &str {
    authority(url).rsplit_once('@').map_or("", |(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_stands_where_its_name_does() {
        let environment = Environment::of(&[("TOKEN", "s3cret"), ("A_1", "a")]);
        let fill =
            |text: &str| filled("-H", text, &environment, str::to_owned).map_err(|failure| failure.message);
        for (text, expected) in [
            ("Bearer env:TOKEN", "Bearer s3cret"),
            ("env:TOKEN", "s3cret"),
            ("me:env:TOKEN@host", "me:s3cret@host"),
            ("a=env:A_1; b=env:TOKEN", "a=a; b=s3cret"),
            ("env:", "env:"),
            ("env:1", "env:1"),
            ("myenv:TOKEN", "myenv:TOKEN"),
            ("plain", "plain"),
        ] {
            assert_eq!(fill(text).unwrap(), expected, "{text}");
        }
        let missing = fill("Bearer env:NONE").unwrap_err();
        assert_eq!(
            missing,
            "-H: the environment variable NONE is not set; set it before, as by `export NONE=…`"
        );
    }

    #[test]
    fn secrets_have_names_by_which_they_are_known() {
        for name in
            ["Authorization", "cookie", "X-Api-Key", "x-apikey", "access_token", "Client-Secret", "X-Auth"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in ["Accept", "Idempotency-Key", "X-Keyboard", "Author", "User-Agent"] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn credentials_stand_before_the_host() {
        assert!(has_plain_credentials("http://me:secret@host/path"));
        assert!(has_plain_credentials("me:secret@host:3128"));
        for url in ["http://host/@path", "http://{user}@host/", "http://me:env:PASSWORD@host", "http://host"]
        {
            assert!(!has_plain_credentials(url), "{url}");
        }
    }
}
