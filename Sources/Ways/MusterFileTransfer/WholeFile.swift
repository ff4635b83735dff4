internal import Glibc
internal import TaskFiles

package enum WholeFile {
    /// A small file's bytes. Blocks. Throws a `FileTrouble`, also where there are more.
    package static func read(_ path: String, bytesMax: Int) throws(FileTrouble) -> [UInt8] {
        guard let file = Descriptor.opened(Array(path.utf8), O_RDONLY | O_NONBLOCK | O_NOFOLLOW) else {
            throw .system("cannot read \(path)")
        }
        let bytes = try file.read(bytesMax + 1, at: 0, path)
        guard bytes.count <= bytesMax else { throw FileTrouble(.unfit, "\(path) has more than \(bytesMax) bytes") }
        return bytes
    }
}
