/// Symbolic links in a tree of files that is carried about.
package enum InnerLink {
    /// Whether a link at this path leads to a place inside the tree, there or not, through whatever other such links it goes. Folders on
    /// the way to it are folders, not links.
    ///
    /// `..` may stand at the beginning only: behind a name it would depend on where that leads, if that is a link.
    package static func staysInside(_ target: some Collection<UInt8>, at path: InnerPath) -> Bool {
        guard !target.isEmpty, target.count <= InnerPath.bytesMax, target.first != slash, !target.contains(0) else {
            return false
        }
        var depth = path.parts.count - 1
        var hasGoneDown = false
        for part in target.split(separator: slash) where !part.elementsEqual(".".utf8) {
            guard part.elementsEqual("..".utf8) else {
                hasGoneDown = true
                continue
            }
            depth -= 1
            if hasGoneDown || depth < 0 { return false }
        }
        return true
    }
}
