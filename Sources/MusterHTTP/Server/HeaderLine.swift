internal import Glibc

/// Where libmicrohttpd puts a header's name and value.
enum HeaderLine {
    /// False for one that was folded over several lines (RFC 9112, 5.2), which libmicrohttpd puts together wrongly: it adds the later
    /// lines to the name. They lie apart then; else the value follows the name in the line as it was received.
    static func isOneLine(
        _ name: UnsafeRawPointer, _ nameCount: Int, _ value: UnsafePointer<CChar>?
    ) -> Bool {
        guard let value, value.pointee != 0 else { return true }
        let between = UnsafeRawPointer(value) - name - nameCount
        // The colon, which is a zero now, and white space.
        guard between > 0, between <= 32 << 10 else { return false }
        return UnsafeRawBufferPointer(start: name + nameCount, count: between).allSatisfy { byte in
            byte == 0 || byte == 0x20 || byte == 0x09
        }
    }
}
