/// What a placeholder takes of a value, which is read as a path: by the sign in its braces.
///
/// As GNU parallel's own expressions have it, except for newlines: a file's name may hold one, and it is no end.
enum PathPart: String, Hashable, Sendable {
    case whole = ""
    /// `{.}`: without the last extension. A leading dot begins one, too.
    case withoutExtension = "."
    /// `{/}`: what stands behind the last slash.
    case name = "/"
    /// `{//}`: the folder, as dirname(1) has it.
    case folder = "//"
    /// `{/.}`: the name without its extension.
    case nameWithoutExtension = "/."

    private static let slash = UInt8(ascii: "/")

    func of(_ value: [UInt8]) -> ArraySlice<UInt8> {
        switch self {
        case .whole: value[...]
        case .withoutExtension: Self.withoutExtension(value[...])
        case .name: Self.name(value)
        case .folder: Self.folder(value)
        case .nameWithoutExtension: Self.withoutExtension(Self.name(value))
        }
    }

    private static func withoutExtension(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let place = path.lastIndex(where: { $0 == slash || $0 == UInt8(ascii: ".") }), path[place] != slash else {
            return path
        }
        return path[..<place]
    }

    private static func name(_ path: [UInt8]) -> ArraySlice<UInt8> {
        path.lastIndex(of: slash).map { path[($0 + 1)...] } ?? path[...]
    }

    private static func folder(_ path: [UInt8]) -> ArraySlice<UInt8> {
        let noSlashes = trimmed(path[...])
        if noSlashes.isEmpty { return path.isEmpty ? [UInt8(ascii: ".")] : [slash] }
        guard let last = noSlashes.lastIndex(of: slash) else { return [UInt8(ascii: ".")] }
        let folder = trimmed(noSlashes[..<last])
        return folder.isEmpty ? [slash] : folder
    }

    private static func trimmed(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        path.lastIndex { $0 != slash }.map { path[...$0] } ?? path[..<path.startIndex]
    }
}
