internal import Glibc
internal import MusterSystem

/// A file that is held open, so that nothing that happens to its name takes it away from those who read it.
package final class OpenFile: Sendable {
    package let descriptor: Int32
    package let count: Int
    private let look: FileLook

    /// Takes over the descriptor. Nil, and it is closed, when the file cannot be looked at.
    init?(taking descriptor: Int32) {
        guard let look = FileLook(descriptor) else {
            close(descriptor)
            return nil
        }
        (self.descriptor, self.look, count) = (descriptor, look, Int(look.size))
    }

    deinit { close(descriptor) }

    /// Whether nobody wrote to it since it was verified.
    var isUnchanged: Bool { FileLook(descriptor) == look }
}
