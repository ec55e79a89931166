//! Rows that become requests.

use patata_run::Id;

use super::super::{BodyParts, InputOptions, Template, TemplateParts};
use super::Files;

/// What a server sees of the requests for the rows of a file, or what is wrong with a row.
fn asked(name: &str, content: &str, parts: TemplateParts) -> Vec<String> {
    let server = patata_testserver::Server::start().unwrap();
    let parts = TemplateParts { url: Some(format!("{}/echo", server.url())), ..parts };
    let client = patata::Client::builder().ordered(true).build().unwrap();
    client.run(requests(name, content, &parts)).map(seen).collect()
}

fn requests(name: &str, content: &str, parts: &TemplateParts) -> Vec<patata::Request<u64>> {
    let files = Files::new(&[(name, content.as_bytes())]);
    let template = Template::new(parts).unwrap();
    let options = InputOptions { required: template.fields().cloned().collect(), ..Default::default() };
    let mut input = files.open(options).unwrap();
    let mut requests = Vec::new();
    while let Some(row) = input.next_row().unwrap() {
        requests.push(template.request(row, row.index()));
    }
    requests
}

/// Method, query, headers that are not the client's own, and body.
fn seen(outcome: patata::Outcome<u64>) -> String {
    let response = match outcome.result {
        Ok(response) => response,
        Err(error) => return without_folder(&error.to_string()),
    };
    if response.saved_to.is_some() {
        return "saved".to_owned();
    }
    let echo: serde_json::Value = response.json().unwrap();
    let text = |name: &str| echo[name].as_str().unwrap().to_owned();
    let headers = echo["headers"].as_object().unwrap();
    let own = |name: &str| name.starts_with("x-") || name == "content-type";
    let headers = headers.iter().filter(|(name, _)| own(name));
    let headers: Vec<_> =
        headers.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
    let parts = [text("method"), text("query"), headers.join(" "), text("body")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" | ")
}

/// A message that begins with a path, from the file's name on.
fn without_folder(message: &str) -> String {
    let place = message.find(": ").unwrap_or(message.len());
    let name = message[..place].rfind('/').map_or(0, |at| at + 1);
    message[name..].to_owned()
}

/// The URL of the only row, or what is wrong with it.
fn url(name: &str, content: &str, url: &str) -> String {
    let parts = TemplateParts { url: Some(url.to_owned()), ..Default::default() };
    let request = requests(name, content, &parts).remove(0);
    let shown = format!("{request:?}");
    match shown.split("url: \"").nth(1).unwrap().split('"').next().unwrap() {
        "" => {
            let client = patata::Client::builder().build().unwrap();
            let outcome = client.run([request]).next().unwrap();
            without_folder(&outcome.result.unwrap_err().to_string())
        }
        url => url.to_owned(),
    }
}

#[test]
fn a_value_is_encoded_for_where_it_stands_in_a_url() {
    let csv = |value: &str| format!("id,url,host\n\"{value}\",http://h/a?b=c&d,h.example:81\n");
    for (template, value, expected) in [
        ("{url}", "", "http://h/a?b=c&d"),
        ("{url}&e={id}", "a b&c", "http://h/a?b=c&d&e=a%20b%26c"),
        ("http://h/{id}", "a/b c?ü#é%", "http://h/a%2Fb%20c%3F%C3%BC%23%C3%A9%25"),
        ("http://h/x{id}.json", "~-._", "http://h/x~-._.json"),
        ("http://h/?q={id}&r={index}", "a+b=c&d", "http://h/?q=a%2Bb%3Dc%26d&r=0"),
        ("http://h/?q={id}", "", "http://h/?q="),
        ("http://h/x{id}", "", "http://h/x"),
        ("https://{host}/a", "", "https://h.example:81/a"),
        ("https://x{id}.h/a", "@evil/", "https://x%40evil%2F.h/a"),
        ("http://h/{{id}}/{id}", "1", "http://h/{id}/1"),
        ("http://h/{\"id\"}", "1", "http://h/1"),
        ("http://h/{id}", "...", "http://h/..."),
    ] {
        assert_eq!(url("a.csv", &csv(value), template), expected, "{template} with {value:?}");
    }
    for (template, value, fault) in [
        (
            "http://h/{id}",
            "",
            "a.csv:2: the field \"id\" is empty, and would leave a part of the URL's path empty",
        ),
        ("http://h/a/{id}/b", "..", "a.csv:2: a part of the URL's path would be \".\" or \"..\""),
        ("http://h/.{id}", ".", "a.csv:2: a part of the URL's path would be"),
    ] {
        let found = url("a.csv", &csv(value), template);
        assert!(found.starts_with(fault), "{found:?} is not {fault:?}");
    }
    // What the user wrote himself is his own.
    assert_eq!(url("a.csv", &csv("1"), "http://h/../{id}"), "http://h/../1");
}

#[test]
fn fields_within_fields_are_reached_and_missing_ones_are_told() {
    let row = r#"{"a":{"b":[1.50,"x y"],"n":null},"a.c":"dot","s":"\u00fc","index":"own","o":{"k": 1}}"#;
    for (template, expected) in [
        ("http://h/{a.b.0}/{a.b.1}", "http://h/1.50/x%20y"),
        ("http://h/{a.c}", "http://h/dot"),
        ("http://h/{s}/{index}", "http://h/%C3%BC/own"),
        ("http://h/?o={o}", "http://h/?o=%7B%22k%22%3A%201%7D"),
        ("http://h/{a.d}", "a.jsonl:1: has no field \"a.d\", which the template names; did you mean {a.c}?"),
        ("http://h/{x}", "a.jsonl:1: has no field \"x\", which the template names; add it to the row"),
        (
            "http://h/{a.b.2}",
            "a.jsonl:1: has no field \"a.b.2\", which the template names; add it to the row",
        ),
        (
            "http://h/{a.n}",
            "a.jsonl:1: the field \"a.n\" is null, and nothing can be written for it; give it a value",
        ),
    ] {
        assert_eq!(url("a.jsonl", row, template), expected, "{template}");
    }
    assert_eq!(
        url("a.jsonl", "{\"a\":", "http://h/"),
        "a.jsonl:1:5: is no JSON object on one line: EOF while parsing a value"
    );
    assert_eq!(url("urls.txt", "http://h/a b\n", "{url}"), "http://h/a b");
}

#[test]
fn a_json_body_has_texts_within_quotes_and_values_outside_of_them() {
    let body = |content: &str, name: &str, text: &str| {
        asked(
            name,
            content,
            TemplateParts { body: Some(BodyParts::Json(text.to_owned())), ..Default::default() },
        )
        .remove(0)
    };
    let json = "POST | content-type=application/json | ";
    let text = r#"{"age": {age}, "name": "I am {name}", "q": "\"{{name}}\"", "o": {"a":{o}}}"#;
    assert_eq!(
        body("{\"age\":1.50,\"name\":\"A \\\"\\u00fc\\n\",\"o\":[null, 1]}", "a.jsonl", text),
        format!(
            r#"{json}{{"age": 1.50, "name": "I am A \"\u00fc\n", "q": "\"{{name}}\"", "o": {{"a":[null, 1]}}}}"#
        )
    );
    assert_eq!(
        body("age,name,o\n42,\"A \"\"ü\n\\\",true\n", "a.csv", text),
        format!(r#"{json}{{"age": 42, "name": "I am A \"ü\n\\", "q": "\"{{name}}\"", "o": {{"a":true}}}}"#)
    );
    assert_eq!(body("{\"a\":null}", "a.jsonl", "{\"a\":{a}}"), format!("{json}{{\"a\":null}}"));
    assert_eq!(body("{\"a\":{\"b\": 1}}", "a.jsonl", "{a}"), format!("{json}{{\"b\": 1}}"));
    for value in ["x", "007", "", "{\"\"a\"\":}"] {
        let found = body(&format!("a\n\"{value}\"\n\n"), "a.csv", "[{a}]");
        assert!(found.starts_with("a.csv:2: the field \"a\" is \"") || value.is_empty(), "{found}");
        assert!(found.contains("is no JSON") && found.contains("within quotes"), "{found}");
    }
}

#[test]
fn data_is_json_if_it_looks_so_and_a_form_otherwise() {
    let sent = |text: &str, headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = Some(BodyParts::Data(text.to_owned()));
        asked("a.csv", "id,name\n7,\"a b&\"\"c\"\n", TemplateParts { headers, body, ..Default::default() })
            .remove(0)
    };
    let form = "POST | content-type=application/x-www-form-urlencoded | ";
    let json = "POST | content-type=application/json | ";
    for (text, expected) in [
        ("{\"name\":\"{name}\"}", format!("{json}{{\"name\":\"a b&\\\"c\"}}")),
        ("[{id}]", format!("{json}[7]")),
        ("a={id}&b={name}", format!("{form}a=7&b=a%20b%26%22c")),
        ("{name}", format!("{form}a b&\"c")),
        ("hello {name}", format!("{form}hello a b&\"c")),
        ("{ not json", format!("{form}{{ not json")),
    ] {
        assert_eq!(sent(text, &[]), expected, "{text}");
    }
    let plain = [("Content-Type", "text/plain")];
    assert_eq!(sent("a={name}", &plain), "POST | content-type=text/plain | a=a b&\"c");
    let typed = [("content-type", "application/vnd.a+json")];
    assert_eq!(sent("\"{name}\"", &typed), "POST | content-type=application/vnd.a+json | \"a b&\\\"c\"");
}

#[test]
fn method_headers_params_and_form_have_places() {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let parts = TemplateParts {
        method: Some("{method}".into()),
        headers: pairs(&[("X-Id", "no {id}")]),
        params: pairs(&[("q", "{name}")]),
        body: Some(BodyParts::Form(pairs(&[("f", "{name}"), ("{id}", "1")]))),
        ..Default::default()
    };
    let content = "id,name,method\n7,a b&c,put\n\"8\nx-evil: 1\",x,POST\n9,x,a b\n";
    let found = asked("a.csv", content, parts);
    assert_eq!(
        found[0],
        "PUT | q=a+b%26c | content-type=application/x-www-form-urlencoded x-id=no 7 | f=a+b%26c&7=1"
    );
    assert!(found[1].starts_with("a.csv:3: the field \"id\" holds a line break"), "{}", found[1]);
    assert_eq!(found[2], "a.csv:5: the method \"a b\" is none; give a word, as GET or POST");
}

#[test]
fn what_a_jsonl_row_says_of_its_request_goes_on_top() {
    let pairs = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let parts = TemplateParts {
        method: Some("PATCH".into()),
        headers: pairs("x-a", "template"),
        params: pairs("a", "template"),
        body: Some(BodyParts::Data("template=1".into())),
        ..Default::default()
    };
    let form = "content-type=application/x-www-form-urlencoded";
    let lines = [
        (r#"{}"#, format!("PATCH | a=template | {form} x-a=template | template=1")),
        (r#"{"method":"put","json":null}"#, format!("PUT | a=template | {form} x-a=template | template=1")),
        (
            r#"{"headers":{"X-A":"own","X-B":[1,"2"],"x-c":null},"json":{"n":1.50}}"#,
            "PATCH | a=template | content-type=application/json x-a=own x-b=1, 2 | {\"n\":1.50}".to_owned(),
        ),
        (
            r#"{"params":{"a":[1,"x y"],"b":true,"c":null},"content":"text"}"#,
            "PATCH | a=1&a=x+y&b=true | x-a=template | text".to_owned(),
        ),
        (
            r#"{"form":{"f":"x y","g":[1,2]}}"#,
            format!("PATCH | a=template | {form} x-a=template | f=x+y&g=1&g=2"),
        ),
        (
            r#"{"json":1,"form":{}}"#,
            "a.jsonl:6: \"json\" and \"form\" are both given, and a request has one body; remove one of them"
                .to_owned(),
        ),
        (
            r#"{"headers":[]}"#,
            "a.jsonl:7: \"headers\" is no object of names and values, as {\"a\": \"b\"} is".to_owned(),
        ),
        (
            r#"{"params":{"a":{}}}"#,
            "a.jsonl:8: \"params\" has for \"a\" what is no text; write it as one".to_owned(),
        ),
        (r#"{"content":1}"#, "a.jsonl:9: \"content\" is no text; write it within quotes".to_owned()),
        (
            r#"{"method":"a b"}"#,
            "a.jsonl:10: the method \"a b\" is none; give a word, as GET or POST".to_owned(),
        ),
    ];
    let content: Vec<_> = lines.iter().map(|(line, _)| *line).collect();
    let found = asked("a.jsonl", &content.join("\n"), parts);
    for (found, (line, expected)) in found.iter().zip(&lines) {
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn a_request_with_a_body_is_a_post_unless_it_says_otherwise() {
    let found =
        asked("a.jsonl", "{}\n{\"json\":[]}\n{\"json\":[],\"method\":\"QUERY\"}", TemplateParts::default());
    assert_eq!(
        found,
        ["GET", "POST | content-type=application/json | []", "QUERY | content-type=application/json | []"]
    );
}

#[test]
fn a_file_is_sent_as_it_is_and_its_name_may_have_places() {
    let files = Files::new(&[("7.json", b"{\"id\": {id}}\r\n")]);
    let folder = files.paths[0].parent().unwrap().display().to_string();
    let file = |name: String, media_type: Option<&str>| {
        let body = Some(BodyParts::File { name, media_type: media_type.map(str::to_owned) });
        asked(
            "a.csv",
            &format!("id,path\n7,{folder}/7.json\n../7,x\n"),
            TemplateParts { body, ..Default::default() },
        )
    };
    let sent = "{\"id\": {id}}\r\n";
    let form = "POST | content-type=application/x-www-form-urlencoded | ";
    let found = file(format!("{folder}/{{id}}.json"), Some("application/json"));
    assert_eq!(found[0], format!("POST | content-type=application/json | {sent}"));
    assert!(found[1].starts_with("a.csv:3: the field \"id\" is no name of a file"), "{}", found[1]);
    assert_eq!(file("{path}".into(), None)[0], format!("{form}{sent}"));
    assert_eq!(file(format!("{folder}/7.json"), None), [format!("{form}{sent}"), format!("{form}{sent}")]);
    let missing = BodyParts::File { name: "no/such".into(), media_type: None };
    let error = Template::new(&TemplateParts { body: Some(missing), ..Default::default() }).unwrap_err();
    assert!(error.to_string().starts_with("-d: the file \"no/such\" cannot be read: No such"), "{error}");
}

#[test]
fn no_row_saves_outside_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let save_to = Some(format!("{}/{{{{x}}}}/{{name}}-{{id}}.bin", folder.path().display()));
    let long = "x".repeat(300);
    let content = format!("name\na/b\n../../c\nü%41\n{long}\n");
    let found = asked("a.csv", &content, TemplateParts { save_to, ..Default::default() });
    assert!(found[3].starts_with("a.csv:5: --save-to: a file's name would have 306 bytes"), "{}", found[3]);
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("{x}"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["..%2F..%2Fc-1.bin", "a%2Fb-0.bin", "ü%2541-2.bin"]);
}

#[test]
fn a_row_is_known_by_what_is_chosen_else_by_its_id_or_place() {
    let ids = |name: &str, content: &str, id: Option<&str>| {
        let template =
            Template::new(&TemplateParts { id: id.map(str::to_owned), ..Default::default() }).unwrap();
        let files = Files::new(&[(name, content.as_bytes())]);
        let mut input = files.open(InputOptions::default()).unwrap();
        let mut ids = Vec::new();
        while let Some(row) = input.next_row().unwrap() {
            ids.push(template.id(row));
        }
        ids
    };
    let jsonl = "{\"id\":7,\"u\":{\"k\":\"x\"}}\n{\"id\":\"7\"}\n{}\n{\"id\":1.5}\n{\"id\":null}\nbad";
    assert_eq!(
        ids("a.jsonl", jsonl, None),
        [Id::from(7), Id::from("7"), Id::from(2), Id::from("1.5"), Id::from(4), Id::from(5)]
    );
    assert_eq!(ids("a.jsonl", jsonl, Some("u.k"))[..2], [Id::from("x"), Id::from(1)]);
    assert_eq!(ids("a.csv", "id,url\n007,x\n", None), [Id::from(0)]);
    assert_eq!(ids("a.csv", "id,url\n007,x\n", Some("id")), [Id::from("007")]);
    assert_eq!(ids("a.txt", "http://h/\n", Some("url")), [Id::from("http://h/")]);
    let missing = TemplateParts { id: Some("key".into()), ..Default::default() };
    let found = asked("a.jsonl", "{\"key\":1}\n{}\n", missing);
    assert_eq!(
        found,
        ["GET", "a.jsonl:2: has no field \"key\", which the template names; add it to the row"]
    );
}

#[test]
fn a_plan_says_what_would_be_sent() {
    let files = Files::new(&[("a.jsonl", b"{\"id\":1,\"json\":[]}\n{}\n")]);
    let parts = TemplateParts { url: Some("http://me:secret@h/{id}".into()), ..Default::default() };
    let template = Template::new(&parts).unwrap();
    let mut input = files.open(InputOptions::default()).unwrap();
    let plan = template.plan(input.next_row().unwrap().unwrap()).unwrap();
    assert_eq!((plan.url(), plan.method().as_str(), plan.save_to()), ("http://me:secret@h/1", "POST", None));
    assert!(plan.body().is_some());
    let fault = template.plan(input.next_row().unwrap().unwrap()).unwrap_err();
    assert!(fault.contains("a.jsonl:2: has no field \"id\""), "{fault}");
    let shown = format!("{plan:?} {template:?} {parts:?} {:?}", BodyParts::Data("secret".into()));
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_template_that_fits_no_row_is_refused() {
    let text = |text: &str| Some(text.to_owned());
    for (parts, expected) in [
        (TemplateParts { url: text(" "), ..Default::default() }, "URL: is empty"),
        (TemplateParts { method: text("a b"), ..Default::default() }, "-X: the method \"a b\" is none"),
        (
            TemplateParts { save_to: text("all.bin"), ..Default::default() },
            "--save-to: \"all.bin\" has no field in it",
        ),
        (
            TemplateParts { save_to: text("d/{id}/"), ..Default::default() },
            "--save-to: \"d/{id}/\" is no path of files",
        ),
        (
            TemplateParts { save_to: text("d/{id}/../../x"), ..Default::default() },
            "--save-to: \"d/{id}/../../x\" is no path of files",
        ),
        (
            TemplateParts { body: Some(BodyParts::Json("{a: {b}}".into())), ..Default::default() },
            "--json: is no JSON: key must be a string; quote texts with \", in a shell within '…', as in \
             '{\"name\":\"{name}\"}'",
        ),
    ] {
        let found = Template::new(&parts).unwrap_err().to_string();
        assert!(found.starts_with(expected), "{found:?} is not {expected:?}");
    }
}
