//! A holder in the foreground, for tests and benches: `budget_holder RATE [tcp|PATH]` prints its handle, and ends with its
//! input.

use std::io::{Read, Write};

use patata_budget::{HolderBuilder, Terms};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let rate = arguments.get(1).ok_or("usage: budget_holder RATE [ADDRESS|PATH]")?;
    let mut builder = HolderBuilder::new(Terms::new().rate("requests", rate)?);
    if let Some(place) = arguments.get(2) {
        builder = match place.parse() {
            Ok(address) => builder.listen(address).secret("of the tests"),
            Err(_) => builder.unix(place),
        };
    }
    let holder = builder.serve()?;
    println!("{}", holder.handle().reveal());
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
