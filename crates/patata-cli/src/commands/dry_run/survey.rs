//! Reads a whole input and looks at each request.

use std::collections::{BTreeMap, HashMap};

use patata::{Body, Request};

use super::SHOWN;
use crate::exit::Failure;
use crate::input::Input;
use crate::resolve::Plan;

/// Hosts that are told apart.
const HOSTS: usize = 1000;

/// What an input has.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) rows: u64,
    pub(super) methods: BTreeMap<String, u64>,
    pub(super) hosts: HashMap<String, u64>,
    pub(super) other_hosts: u64,
    /// Requests with a body, and the bytes of all bodies that are in memory.
    pub(super) bodies: u64,
    pub(super) bytes: u64,
    pub(super) bad: u64,
    pub(super) messages: Vec<String>,
    pub(super) probes: Vec<Request<()>>,
}

impl Survey {
    /// How many can be sent.
    pub(super) fn requests(&self) -> u64 {
        self.rows - self.bad
    }

    fn note(&mut self, request: &Request<()>, host: &str) {
        *self.methods.entry(request.method().to_string()).or_default() += 1;
        if let Some(count) = self.hosts.get_mut(host) {
            *count += 1;
        } else if self.hosts.len() < HOSTS {
            self.hosts.insert(host.to_owned(), 1);
        } else {
            self.other_hosts += 1;
        }
        if let Some(body) = request.own_body() {
            self.bodies += 1;
            self.bytes += body.bytes().map_or(0, |bytes| bytes.len() as u64);
        }
    }

    fn note_bad(&mut self, message: String) {
        self.bad += 1;
        if self.messages.len() < SHOWN {
            self.messages.push(message);
        }
    }
}

/// Reads all, and picks so many probes, spread over the input.
pub(super) fn survey(plan: &Plan, probes: usize, methods: &[String]) -> Result<Survey, Failure> {
    let mut input = Input::open(plan.sources.clone(), plan.input.clone()).map_err(Failure::of_input)?;
    let mut survey = Survey::default();
    let mut sample = Sample::new(probes);
    while let Some(row) = input.next_row().map_err(Failure::of_input)? {
        survey.rows += 1;
        let request = plan.template.with_variables(row, plan.template.request(row, ()));
        match plan.client.check(&request) {
            Err(error) => {
                let message = error.to_string();
                // What is wrong with a row itself says where it stands.
                let has_place = message.starts_with(&**row.file());
                survey.note_bad(if has_place { message } else { row.at(message) });
            }
            Ok(url) => {
                let url = url.to_string();
                let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
                survey.note(&request, rest.split(['/', '?']).next().unwrap_or_default());
                if is_probe(&request, methods) {
                    sample.offer(request);
                }
            }
        }
    }
    survey.probes = sample.taken();
    Ok(survey)
}

fn is_probe(request: &Request<()>, methods: &[String]) -> bool {
    let method = request.method().as_str();
    let is_repeatable = request.own_body().is_none_or(|body: &Body| body.bytes().is_some());
    is_repeatable && (method == "GET" || methods.iter().any(|named| named.eq_ignore_ascii_case(method)))
}

/// A few of many, evenly spread, whose number is not known beforehand.
struct Sample {
    most: usize,
    kept: Vec<Request<()>>,
    /// One of so many is kept.
    stride: u64,
    offered: u64,
}

impl Sample {
    fn new(most: usize) -> Self {
        Self { most, kept: Vec::new(), stride: 1, offered: 0 }
    }

    fn offer(&mut self, request: Request<()>) {
        let is_kept = self.most > 0 && self.offered.is_multiple_of(self.stride);
        self.offered += 1;
        if !is_kept {
            return;
        }
        self.kept.push(request);
        if self.kept.len() == 2 * self.most {
            self.stride *= 2;
            let mut number = 0;
            self.kept.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
    }

    fn taken(self) -> Vec<Request<()>> {
        let (most, count) = (self.most, self.kept.len());
        let is_taken = |number: usize| count <= most || number * most / count != (number + 1) * most / count;
        self.kept
            .into_iter()
            .enumerate()
            .filter(|(number, _)| is_taken(*number))
            .map(|(_, kept)| kept)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_as_large_as_it_can_be_and_spread_evenly() {
        for offered in [0_u64, 1, 9, 10, 11, 19, 20, 25, 1000, 12_345] {
            let mut sample = Sample::new(10);
            (0..offered).for_each(|number| sample.offer(Request::get((), number.to_string())));
            let taken: Vec<u64> =
                sample.taken().iter().map(|request| request.url().parse().unwrap()).collect();
            assert_eq!(taken.len() as u64, offered.min(10), "{offered}");
            assert!(taken.last().is_none_or(|last| *last >= offered / 2), "{offered}: {taken:?}");
        }
    }
}
