internal import Glibc
internal import MusterAPI
internal import MusterLog
internal import MusterSystem

/// The folder of an origin's images: one file an image, `ID.image`, and `.muster` for the origin's own files.
struct ImageFolder: Sendable {
    let path: String
    private static let ending = ".image"
    private static let temporaryEnding = ".part"

    var ownPath: String { path + "/.muster" }
    var lockPath: String { ownPath + "/lock" }
    var journalPath: String { ownPath + "/journal" }
    var samplesPath: String { ownPath + "/samples" }

    func path(of id: ImageID) -> String { "\(path)/\(id)\(Self.ending)" }

    /// Beside the images, so that a rename puts it in place.
    func temporaryPath(_ number: UInt64) -> String { "\(path)/upload-\(number)\(Self.temporaryEnding)" }

    struct Found {
        var id: ImageID
        /// Nil: the file is no whole image.
        var record: ImageRecord?
    }

    /// All images by their trailers; what an upload left behind is removed. Throws a `DiskFailure`.
    func scan() throws(DiskFailure) -> [Found] {
        var found: [Found] = []
        for name in listDirectory(path) {
            if name.hasPrefix("upload-"), name.hasSuffix(Self.temporaryEnding) {
                unlink("\(path)/\(name)")
                continue
            }
            guard name.hasSuffix(Self.ending), let id = try? ImageID(text: String(name.dropLast(Self.ending.count)))
            else {
                if name != ".muster" { Log.warning("not an image; left alone", ["file": "\(path)/\(name)"]) }
                continue
            }
            do throws(DiskFailure) {
                let file = try openImage(id)
                defer { close(file) }
                found.append(Found(id: id, record: try record(in: file, of: id)))
            } catch {
                // A link leads elsewhere: what is there is not ours.
                guard error.code == ELOOP else { throw error }
                Log.warning("not an image but a link; left alone", ["file": path(of: id)])
            }
        }
        return found
    }

    /// For reading; the caller closes it. Throws a `DiskFailure`.
    func openImage(_ id: ImageID) throws(DiskFailure) -> Int32 {
        // Whatever a link points at is no image of ours; a pipe would keep us waiting.
        let file = open(path(of: id), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { throw DiskFailure("cannot open \(path(of: id))") }
        return file
    }

    /// Nil for a file without a whole trailer of this image. Throws a `DiskFailure`.
    func record(in file: Int32, of id: ImageID) throws(DiskFailure) -> ImageRecord? {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw DiskFailure("cannot read \(path(of: id))") }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size >= off_t(ImageRecord.trailerCount) else { return nil }
        let place = UInt64(status.st_size) - UInt64(ImageRecord.trailerCount)
        let trailer = try readAll(file, at: place, count: ImageRecord.trailerCount, path(of: id))
        return ImageRecord(trailer: trailer, id: id, fileSize: UInt64(status.st_size))
    }

    /// Gone for good when it returns. A file that is not there is no failure.
    func remove(_ id: ImageID) throws(DiskFailure) {
        guard unlink(path(of: id)) == 0 || errno == ENOENT else { throw DiskFailure("cannot remove \(path(of: id))") }
        try syncFolder(path)
    }
}
