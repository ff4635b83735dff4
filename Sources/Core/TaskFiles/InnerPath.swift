/// A path inside a folder, in one spelling: parts between single slashes, none of them `.` or `..`. Bytes, which need not be UTF-8. One
/// without parts is the folder itself.
package struct InnerPath: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Of the whole path; of one part, as file systems have it; and parts.
    package static let bytesMax = 2_048
    package static let partBytesMax = 255
    package static let partsMax = 64
    /// The folder itself.
    package static let root = InnerPath(checked: [])

    package let bytes: [UInt8]

    private init(checked bytes: [UInt8]) { self.bytes = bytes }

    /// As people write it: `./a//b/./c/` is `a/b/c`. Throws for what leads out of the folder, whatever there is in it.
    package init(_ text: some Collection<UInt8>) throws(PathTrouble) {
        if text.first == slash { throw .absolute }
        if text.contains(0) { throw .nul }
        var (bytes, parts) = ([UInt8](), 0)
        for part in text.split(separator: slash) where !part.elementsEqual(".".utf8) {
            if part.elementsEqual("..".utf8) { throw .leadsOut }
            parts += 1
            if part.count > Self.partBytesMax || parts > Self.partsMax { throw .tooLong }
            if !bytes.isEmpty { bytes.append(slash) }
            bytes += part
        }
        if bytes.count > Self.bytesMax { throw .tooLong }
        self.bytes = bytes
    }

    package var isRoot: Bool { bytes.isEmpty }
    package var parts: [ArraySlice<UInt8>] { bytes.split(separator: slash) }

    /// The folders on the way to it, the outermost first; neither the root nor itself.
    package var folders: [InnerPath] {
        bytes.indices.filter { bytes[$0] == slash }.map { InnerPath(checked: Array(bytes[..<$0])) }
    }

    /// The one that it lies in; of the root itself.
    package var folder: InnerPath {
        InnerPath(checked: bytes.lastIndex(of: slash).map { Array(bytes[..<$0]) } ?? [])
    }

    /// Its last part; empty for the root.
    package var name: ArraySlice<UInt8> { bytes.lastIndex(of: slash).map { bytes[($0 + 1)...] } ?? bytes[...] }

    /// That path inside this one. Throws where they are too long together.
    package func appending(_ other: InnerPath) throws(PathTrouble) -> InnerPath {
        if isRoot { return other }
        if other.isRoot { return self }
        let bytes = self.bytes + [slash] + other.bytes
        if bytes.count > Self.bytesMax || parts.count + other.parts.count > Self.partsMax { throw .tooLong }
        return InnerPath(checked: bytes)
    }

    package static func < (one: InnerPath, other: InnerPath) -> Bool {
        one.bytes.lexicographicallyPrecedes(other.bytes)
    }

    /// For messages: on one line.
    package var description: String { isRoot ? "." : shownPath(bytes) }
}

let slash = UInt8(ascii: "/")

/// Bytes of a path in a message: on one line, cut after 200.
package func shownPath(_ bytes: some Collection<UInt8>) -> String {
    let text = String(decoding: bytes.prefix(200).map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
    return bytes.count > 200 ? text + "…" : text
}

/// Why a text is no path inside a folder.
package enum PathTrouble: Error, Hashable, Sendable, CustomStringConvertible {
    /// It begins with a slash.
    case absolute
    /// It has a part `..`.
    case leadsOut
    case tooLong
    case nul

    package var description: String {
        switch self {
        case .absolute: "it begins with /, and names no place inside the folder"
        case .leadsOut: "it has .. in it, which leads out of the folder"
        case .tooLong:
            "it has more than \(InnerPath.bytesMax) bytes, \(InnerPath.partsMax) parts, or \(InnerPath.partBytesMax) bytes in one of them"
        case .nul: "it holds a NUL byte"
        }
    }
}
