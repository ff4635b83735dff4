internal import CSpawn
internal import Glibc

/// A file without a name that holds these bytes, to be read by a program as its input.
package final class MemoryFile: Sendable {
    package let descriptor: Int32

    package init(_ bytes: [UInt8]) throws(Session.Fault) {
        descriptor = memfd_create("input", 1)  // MFD_CLOEXEC
        guard descriptor >= 0 else { throw Session.Fault(code: errno) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else {
                let fault = Session.Fault(code: errno)
                close(descriptor)
                throw fault
            }
            rest = rest.dropFirst(written)
        }
        lseek(descriptor, 0, SEEK_SET)
    }

    deinit { close(descriptor) }
}
