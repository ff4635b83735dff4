/// A file that somebody names to be sent: where it lies, and as what it arrives.
///
/// It arrives under the path as it was given. A part `/./` says otherwise: what stands before it is where the file lies, what stands
/// behind it is its path, as rsync(1) and GNU parallel have it. Without that a path that leads out of the folder is refused.
package struct GivenPath: Hashable, Sendable {
    /// As it is opened.
    package let place: [UInt8]
    package let path: InnerPath

    package init(_ text: [UInt8]) throws(PathTrouble) {
        place = text
        path = try InnerPath(text.firstRange(of: "/./".utf8).map { text[$0.upperBound...] } ?? text[...])
    }

    /// What could be written instead of a path that leads out: `/a/b` as `/a/./b`.
    package static func advice(for text: [UInt8]) -> String {
        let trimmed = text.lastIndex { $0 != slash }.map { Array(text[...$0]) } ?? []
        guard let last = trimmed.lastIndex(of: slash), !trimmed[(last + 1)...].elementsEqual("..".utf8) else {
            return "go to the folder that it is in"
        }
        return "write \(shownPath(trimmed[..<last] + "/./".utf8 + trimmed[(last + 1)...])) to send it along as "
            + shownPath(trimmed[(last + 1)...])
    }
}
