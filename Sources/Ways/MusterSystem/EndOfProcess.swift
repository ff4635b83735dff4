internal import Glibc

/// Ends the process at once, from any thread, while others go on. Unlike `exit` it runs nothing of what libraries do at the end
/// (OpenSSL frees what it has, C++ destroys what is global): a thread that is still in one of them would crash, and the
/// process would end by SIGSEGV. Nothing here is written through buffers of the C library, so nothing is lost.
package func endProcess(_ code: CInt) -> Never { _exit(code) }
