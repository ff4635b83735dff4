/// Headers of a tape archive, POSIX.1-1988 (ustar): regular files of root's, dated 0, so that the same files always make the
/// same archive.
enum TarFile {
    static let blockBytes = 512
    /// Two empty blocks end it.
    static let end = [UInt8](repeating: 0, count: 2 * blockBytes)

    /// Name: 1 to 100 bytes. Size: below 8 GiB.
    static func header(name: String, size: Int, mode: Int) -> [UInt8] {
        precondition((1...100).contains(name.utf8.count) && size < 1 << 33, "not for a tape archive: \(name)")
        var block = [UInt8](repeating: 0, count: blockBytes)
        func put(_ text: String, at place: Int) {
            block.replaceSubrange(place..<place + text.utf8.count, with: text.utf8)
        }
        put(name, at: 0)
        put(octal(mode, digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        put(octal(size, digits: 11), at: 124)
        put(octal(0, digits: 11), at: 136)
        // The checksum counts itself as spaces.
        put("        0", at: 148)
        put("ustar", at: 257)
        put("00", at: 263)
        put(octal(block.reduce(0) { $0 + Int($1) }, digits: 6), at: 148)
        block[154] = 0
        return block
    }

    /// What has to stand behind so many bytes.
    static func padding(after size: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: (blockBytes - size % blockBytes) % blockBytes)
    }

    private static func octal(_ number: Int, digits: Int) -> String {
        let text = String(number, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
