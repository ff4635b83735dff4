internal import CMicroHTTP

/// Checks that the headers libmicrohttpd tells are the lines that came. It puts folded lines (RFC 9112, 5.2) together wrongly, adding
/// the later ones to the name, and ends a value at its first NUL: a reader that does otherwise would see another request.
///
/// In the memory where a head was received, a whole one has each name followed by its colon (a zero now), white space, its value, and
/// the end of the line (one zero or two); then the next name, and after the last line the empty one. (A NUL right before a bare
/// line feed cannot be told from a carriage return, and changes nothing.)
struct HeadLines {
    /// Where the last value ended.
    private var end: UnsafeRawPointer?
    private(set) var areWhole = true

    /// In the order in which they came.
    mutating func take(_ name: UnsafeRawPointer, _ nameCount: Int, _ value: UnsafeRawPointer?, _ valueCount: Int) {
        guard let value else {
            areWhole = false
            return
        }
        areWhole = areWhole && Self.isOneLine(name, nameCount, value) && end.map { (1...2).contains(name - $0) } ?? true
        end = value + valueCount
    }

    /// To be called after all of them. `start` and `count`: the head, from the method to its empty line.
    func areAll(from start: UnsafeRawPointer, count: Int) -> Bool {
        guard areWhole, count > 0 else { return false }
        guard let end else { return true }
        // The ends of the last line and of the empty one.
        return (2...4).contains(start + count - end)
    }

    private static func isOneLine(_ name: UnsafeRawPointer, _ nameCount: Int, _ value: UnsafeRawPointer) -> Bool {
        let between = value - name - nameCount
        guard between > 0, between <= 128 << 10 else { return false }
        return UnsafeRawBufferPointer(start: name + nameCount, count: between).allSatisfy { byte in
            byte == 0 || byte == 0x20 || byte == 0x09
        }
    }
}

/// A head that is all in, where libmicrohttpd has it. Valid only inside the callback that gets it.
struct ReceivedHead {
    let connection: OpaquePointer
    /// The head begins with it.
    let method: UnsafePointer<CChar>

    /// Calls `body` with each header until it returns false. Whether it never did, and all headers are the lines that came.
    func allHeaders(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool) -> Bool {
        withoutActuallyEscaping(body) { body in
            var walk = Walk(body: body)
            let holds = withUnsafeMutablePointer(to: &walk) { pointer in
                _ = MHD_get_connection_values_n(
                    connection, .HEADER_KIND,
                    { walk, _, name, nameCount, value, valueCount in
                        let walk = walk!.assumingMemoryBound(to: Walk.self)
                        return walk.pointee.take(name, nameCount, value, valueCount) ? .YES : .NO
                    }, pointer)
                return pointer.pointee.holds
            }
            return holds && walk.lines.areAll(from: method, count: muster_mhd_head_size(connection))
        }
    }

    private struct Walk {
        let body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool
        var lines = HeadLines()
        var holds = true

        mutating func take(
            _ name: UnsafePointer<CChar>?, _ nameCount: Int, _ value: UnsafePointer<CChar>?, _ valueCount: Int
        ) -> Bool {
            guard let name else { return true }
            lines.take(name, nameCount, value, valueCount)
            holds =
                lines.areWhole
                && body(
                    UnsafeRawBufferPointer(start: name, count: nameCount),
                    UnsafeRawBufferPointer(start: value, count: valueCount))
            return holds
        }
    }
}
