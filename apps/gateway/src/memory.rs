//! How the process uses the machine's memory.

/// Asks the kernel for pages of the usual size. The allocator asks for huge ones (2 MiB) in each thread's arenas, most
/// of which an idle server never touches: they double its resident memory. Call it first in `main`; where the kernel
/// knows no such wish, nothing changes.
pub fn keep_small() {
    #[cfg(target_os = "linux")]
    let _as_before = rustix::thread::disable_transparent_huge_pages(true);
}
