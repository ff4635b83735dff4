internal import CMicroHTTP
internal import Glibc

/// A request that is looked at before anything is made of it: for answers that are ready and must not cost more than
/// finding them. Valid only inside the call that gets it.
package struct HTTPRawRequest {
    package let method: String
    /// As sent: still escaped, with its query.
    package let target: String
    private let head: ReceivedHead

    init(method: String, target: String, head: ReceivedHead) {
        (self.method, self.target, self.head) = (method, target, head)
    }

    /// Whether `isHarmless` says so of every header; names as sent. A value with a bare CR, which some take for the end of a
    /// line, is not harmless, and neither is a line that was folded or holds a NUL.
    package func allHeaders(_ isHarmless: (_ name: UnsafeRawBufferPointer) -> Bool) -> Bool {
        head.allHeaders { name, value in
            let isBroken = value.baseAddress.map { memchr($0, 0x0D, value.count) != nil } ?? false
            return !isBroken && isHarmless(name)
        }
    }
}
