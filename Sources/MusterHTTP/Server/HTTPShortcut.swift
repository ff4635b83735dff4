internal import CMicroHTTP
internal import Glibc

/// A request that is looked at before anything is made of it: for answers that are ready and must not cost more than
/// finding them. Valid only inside the call that gets it.
package struct HTTPRawRequest {
    package let method: String
    /// As sent: still escaped, with its query.
    package let target: String
    private let connection: OpaquePointer

    init(method: String, target: String, connection: OpaquePointer) {
        (self.method, self.target, self.connection) = (method, target, connection)
    }

    /// Whether `isHarmless` says so of every header; names as sent. A value with a bare CR, which some take for the end of a
    /// line, is not harmless.
    package func allHeaders(_ isHarmless: (_ name: UnsafeRawBufferPointer) -> Bool) -> Bool {
        withoutActuallyEscaping(isHarmless) { isHarmless in
            var look = Look(isHarmless: isHarmless)
            return withUnsafeMutablePointer(to: &look) { pointer in
                _ = MHD_get_connection_values_n(
                    connection, .HEADER_KIND,
                    { look, _, name, nameCount, value, valueCount in
                        let look = look!.assumingMemoryBound(to: Look.self)
                        let name = UnsafeRawBufferPointer(start: name, count: nameCount)
                        let isBroken =
                            value.map { memchr($0, 0x0D, valueCount) != nil } ?? false
                            || !HeaderLine.isOneLine(name.baseAddress!, nameCount, value)
                        look.pointee.holds = !isBroken && look.pointee.isHarmless(name)
                        return look.pointee.holds ? .YES : .NO
                    }, pointer)
                return pointer.pointee.holds
            }
        }
    }

    private struct Look {
        let isHarmless: (UnsafeRawBufferPointer) -> Bool
        var holds = true
    }
}
