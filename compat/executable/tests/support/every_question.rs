//! Everything that can be asked of bytes; shared with the fuzz target.

use executable::{Elf, Kind, Needs, Program, System};

/// Asks all of it: any answer will do.
pub(crate) fn ask(bytes: &[u8]) {
    _ = Kind::of(bytes);
    _ = Kind::foreign(bytes);
    if let Ok(elf) = Elf::read(bytes)
        && let Ok(needs) = Needs::read(bytes, &elf)
    {
        _ = System::ALL.map(|system| system.obstacle(&elf, &needs).map(|obstacle| obstacle.to_string()));
    }
    if let Ok(program) = Program::read(bytes) {
        _ = program.go_version().map(str::len);
        _ = program.runs_on().count();
        _ = program.needs.other_libraries().count();
    }
}
