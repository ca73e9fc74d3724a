//! A place that is shut off: mounts, processes and limits of its own, and a root to shut oneself in.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use tokio::process::Command;

use super::Folder;
use super::memory::Memory;
use super::network::Network;

/// A command that runs the command in its arguments with `root` made ready, in which that can shut itself.
pub fn room(root: &Path, memory: Option<&Memory>) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", ROOM, "sh"]);
    command.arg(root).arg(memory.map(Memory::entrance).unwrap_or_default());
    command
}

/// The first process of a sandbox. Whoever is still there after bootstrap's end is named.
const ROOM: &str = r#"
set -e
root=$1 group=$2
shift 2
mount --bind "$root" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=755,size=64k dev "$root/dev"
while read -r name major minor; do
    mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done <<DEVICES
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
DEVICES
mount -o remount,ro "$root/dev"
[ ! -d "$root/tmp" ] || mount -t tmpfs -o mode=1777,size=512m,nosuid,nodev tmp "$root/tmp"
mount -o remount,bind,ro,nosuid,nodev "$root"
set +e
sh -c '[ -z "$0" ] || echo 0 >"$0"; exec prlimit --nofile=1024:1024 --nproc=742:742 --memlock=65536:65536 -- "$@"' \
    "$group" "$@"
status=$?
for process in "$root"/proc/[0-9]*; do
    [ "${process##*/}" = 1 ] || echo "left behind: process ${process##*/}" >&2
done
exit $status
"#;

/// Why this machine lets nobody make such a sandbox, if it does not.
pub fn forbidden() -> Option<&'static str> {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    let reason = REASON.get_or_init(|| {
        let reason = Network::new().err().or_else(try_room)?;
        Some(format!("this machine makes no sandbox (root may, in most places): {reason}"))
    });
    reason.as_deref()
}

/// Makes a room in which nothing happens.
fn try_room() -> Option<String> {
    let folder = Folder::new("lambda-trial");
    for name in ["proc", "dev", "tmp"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    match room(folder.path(), None).as_std_mut().arg("true").output() {
        Ok(trial) if trial.status.success() => None,
        Ok(trial) => Some(String::from_utf8_lossy(&trial.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare cannot be run: {error}")),
    }
}
