//! One request, as `get` and the like send it. Every brace stands for itself.

use patata::{Body, Client, Method, Request};

use super::{client, template};
use crate::args::commands::RequestArgs;
use crate::args::values::Header;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::paging::Paging;
use crate::secrets;
use crate::variables::names_variable;

/// One request, and the client for it.
#[derive(Debug)]
pub(crate) struct One {
    pub(crate) client: Client,
    pub(crate) request: Request<()>,
    /// Where its response is a page.
    pub(crate) paging: Option<Paging>,
}

impl One {
    /// `method` is the command's, which `-X` outweighs.
    ///
    /// # Errors
    /// The first thing that cannot be done, by its flag.
    pub(crate) fn new(
        args: &RequestArgs,
        method: Method,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        secrets::refuse_variables_in_url(&args.url)?;
        let paging = Paging::of(&args.pages, &args.request.params);
        if paging.is_some() && args.output.is_some() {
            return Err(Failure::usage(
                "-o: pages and items are printed one after another; leave -o out, and write > FILE behind the command",
            ));
        }
        let client = client::for_one(args, environment)?;
        let body = body(args, environment)?;
        let method = match &args.request.method {
            Some(name) => Method::from_bytes(name.to_ascii_uppercase().as_bytes()).map_err(|_| {
                Failure::usage(format!("-X: the method {name:?} is none; give a word, as GET or POST"))
            })?,
            // As curl does: who sends data posts them.
            None if body.is_some() && method == Method::GET => Method::POST,
            None => method,
        };
        let url = match args.url.contains("://") {
            true => args.url.clone(),
            false => format!("http://{}", args.url),
        };
        let mut request = Request::new((), method, url);
        if let Some(body) = body {
            request = request.body(body);
        }
        let has_pages = args.pages.pages.is_some();
        for pair in args.request.params.iter().filter(|pair| has_pages && !names_variable(&pair.1)) {
            request = request.param(&pair.0, &pair.1);
        }
        if let Some(path) = &args.output {
            request = request.stream_to(path);
        }
        Ok(Self { client, request, paging })
    }
}

fn body(args: &RequestArgs, environment: &Environment) -> Result<Option<Body>, Failure> {
    let content_type = args.request.headers.iter().find_map(|header| match header {
        Header::Set(name, value) if name.eq_ignore_ascii_case("content-type") => Some(value.as_str()),
        _ => None,
    });
    let parts = template::body(&args.request)?;
    let variables = template::variables_of(parts.as_ref(), environment)?;
    let body = parts.map(|parts| parts.literal(content_type, &variables)).transpose();
    body.map_err(|error| Failure::usage(error.to_string()))
}
