//! Sealing: a live part, whose rows are complete, becomes a file of the output in the format that was asked for.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use crate::error::RunError;
use crate::manifest::{Compression, Format, OutputOptions};
use crate::output::{csv, items};
use crate::storage::disk::{self, Disk, DiskFile, beside};

/// Makes the sealed part. Once this returns it is there whole and lasts; the live one is left alone. `is_synced` says
/// whether all that is in the live one lasts already.
pub(crate) fn seal(
    disk: &dyn Disk,
    live: &Path,
    sealed: &Path,
    options: &OutputOptions,
    is_synced: bool,
) -> Result<(), RunError> {
    let (folder, temporary) = beside(sealed);
    let is_as_it_is =
        (options.format, options.compression, options.items) == (Format::Jsonl, Compression::None, false);
    if is_as_it_is && disk::exists(disk, &temporary).map_err(RunError::io("reading", &temporary))? {
        // It may be a second name of the live one, which must not be written to.
        disk.remove(&temporary).map_err(RunError::io("removing", &temporary))?;
    }
    // Both names for one file cost nothing. Not every file system has that. What may not last must be written anew: once
    // a sync has failed, a later one of the same file may succeed, and yet its bytes are lost.
    let is_linked = is_as_it_is && is_synced && disk.link(live, &temporary).is_ok();
    if !is_linked {
        write(disk, live, &temporary, options).map_err(RunError::io("writing", &temporary))?;
    }
    disk.rename(&temporary, sealed).map_err(RunError::io("renaming", &temporary))?;
    disk.sync_folder(folder).map_err(RunError::io("syncing", folder))
}

/// Said where parts are Parquet and this build knows nothing of it.
#[cfg(not(feature = "parquet"))]
pub(crate) const NO_PARQUET: &str = "this build reads and writes no Parquet; build it with the feature parquet of the crate patata-run, or use another \
     format";

fn write(disk: &dyn Disk, live: &Path, temporary: &Path, options: &OutputOptions) -> io::Result<()> {
    let rows = BufReader::with_capacity(1 << 18, disk.open(live)?);
    let file = BufWriter::with_capacity(1 << 18, disk.create(temporary)?);
    let packing = match options.format {
        // It is compressed within.
        Format::Parquet => Compression::None,
        Format::Jsonl | Format::Csv => options.compression,
    };
    let file = match packing {
        Compression::None => converted(rows, file, options)?,
        Compression::Zstd => {
            let encoder = zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            converted(rows, encoder, options)?.finish()?
        }
        Compression::Gzip => {
            let encoder = flate2::write::GzEncoder::new(file, flate2::Compression::default());
            converted(rows, encoder, options)?.finish()?
        }
    };
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync()
}

#[cfg(feature = "parquet")]
use crate::output::parquet::convert as to_parquet;

#[cfg(not(feature = "parquet"))]
fn to_parquet<W>(_: impl BufRead, _: &OutputOptions, _: W) -> io::Result<W> {
    Err(io::Error::new(io::ErrorKind::Unsupported, NO_PARQUET))
}

fn converted<W: Write + Send>(mut rows: impl BufRead, mut into: W, options: &OutputOptions) -> io::Result<W> {
    match options.format {
        Format::Jsonl if options.items => items::convert(rows, &mut into)?,
        Format::Jsonl => {
            io::copy(&mut rows, &mut into)?;
        }
        Format::Csv => csv::convert(rows, &options.columns, &mut into)?,
        Format::Parquet => return to_parquet(rows, options, into),
    }
    Ok(into)
}

/// Compresses a file of the ledger that is complete. The plain one is left alone.
pub(crate) fn compress(disk: &dyn Disk, plain: &Path, compressed: &Path) -> Result<(), RunError> {
    let (folder, temporary) = beside(compressed);
    let written = (|| {
        let file = BufWriter::with_capacity(1 << 18, disk.create(&temporary)?);
        let mut encoder = zstd::Encoder::new(file, zstd::DEFAULT_COMPRESSION_LEVEL)?;
        io::copy(&mut disk.open(plain)?, &mut encoder)?;
        let mut file: Box<dyn DiskFile> =
            encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync()
    })();
    written.map_err(RunError::io("writing", &temporary))?;
    disk.rename(&temporary, compressed).map_err(RunError::io("renaming", &temporary))?;
    disk.sync_folder(folder).map_err(RunError::io("syncing", folder))
}

/// A file as it was before it was compressed, which its name tells; one of Parquet as the lines that it was.
pub(crate) fn unpacked(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path.extension().is_some_and(|extension| extension == "parquet") {
        return of_parquet(disk, path);
    }
    let file = disk.open(path)?;
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("zst") => Box::new(zstd::Decoder::new(file)?),
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        _ => file,
    })
}

#[cfg(feature = "parquet")]
fn of_parquet(disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn Read + Send>> {
    use crate::output::parquet::Lines;

    Ok(Box::new(Lines::new(disk.open_file(path)?)?))
}

#[cfg(not(feature = "parquet"))]
fn of_parquet(_: &dyn Disk, _: &Path) -> io::Result<Box<dyn Read + Send>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, NO_PARQUET))
}
