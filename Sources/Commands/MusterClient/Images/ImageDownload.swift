internal import Glibc
package import MusterAPI
package import MusterCommandLine
internal import MusterCrypto
internal import MusterHTTPClient
internal import MusterSystem
internal import Synchronization

/// The file that is being written, for whoever must end the process meanwhile.
package final class UnfinishedFile: Sendable {
    private let file = Mutex<NewFile?>(nil)

    package init() {}

    package func set(_ new: NewFile?) { file.withLock { $0 = new } }
    func discard() { file.withLock { $0?.discard() } }

    package func exitDiscarding(_ code: Int32) -> Never {
        file.withLock { file in
            file?.exitDiscarding(code)
            endProcess(code)
        }
    }
}

/// One image on its way into a file, by as many attempts as it takes.
@MainActor package final class ImageDownload {
    private let client: ImageClient
    private let invocation: Invocation
    private let image: ImageID
    /// Nil: a new file in the current folder, named for the image and its type.
    private let path: String?
    private let unfinished: UnfinishedFile
    /// What is written in place (standard output, a pipe) cannot be begun again: so much of it is written, of the image with
    /// this tag.
    private var inPlace: NewFile?
    private var inPlaceBytes: UInt64 = 0
    private var inPlaceTag: String?

    /// So large a download, or one of unknown size, has a progress bar.
    private static let largeBytes: UInt64 = 4 << 20

    package init(
        _ client: ImageClient, _ invocation: Invocation, _ image: ImageID, to path: String?,
        unfinished: UnfinishedFile
    ) {
        (self.client, self.invocation) = (client, invocation)
        (self.image, self.path, self.unfinished) = (image, path, unfinished)
    }

    /// Throws a `CommandError`; there is no file then.
    package func run() async throws -> ImageReport {
        defer {
            unfinished.discard()
            unfinished.set(nil)
        }
        return try await client.firstAnswer(for: image) { [self] server, _ in try await attempt(server) }
    }

    private func attempt(_ server: ImageServer) async throws -> ImageReport {
        let request = client.request("GET", server, "/images/\(image)")
        let stream = try await client.open(request, server, for: image)
        defer { stream.cancel() }
        let type = stream.header("Content-Type") ?? "application/octet-stream"
        let file = try file(for: type)
        if file.isInPlace, inPlaceBytes > 0, stream.header("ETag") == nil || stream.header("ETag") != inPlaceTag {
            throw CommandError(
                .temporary,
                "image \(image) broke off after \(inPlaceBytes) bytes, and \(server.shown()) has another "
                    + "version of it; what was written cannot be taken back")
        }
        if file.isInPlace { inPlaceTag = stream.header("ETag") }
        do {
            let bytes = try await receive(stream, into: file, request, server)
            return ImageReport(
                image: image, outcome: .got(file: try keep(file, type), type: type), bytes: bytes,
                source: client.source(server, stream.header))
        } catch {
            if !file.isInPlace { file.discard() }
            throw error
        }
    }

    /// Returns the number of bytes when they are all there, and those they should be.
    private func receive(
        _ stream: HTTPClientStream, into file: NewFile, _ request: HTTPClientRequest, _ server: ImageServer
    ) async throws -> UInt64 {
        let length = stream.header("Content-Length").flatMap { UInt64($0) }
        let isLarge = length.map { $0 >= Self.largeBytes } ?? true
        let bar =
            isLarge ? invocation.progress("bytes of image \(image)", total: length.map { Int(clamping: $0) }) : nil
        defer { bar?.finish() }
        let digest = SHA256()
        var count: UInt64 = 0
        do {
            while let piece = try await stream.next() {
                digest.update(piece)
                try write(piece, at: count, to: file)
                count += UInt64(piece.count)
                bar?.update(done: Int(clamping: count))
            }
        } catch let error as HTTPClientError {
            throw client.failure(error, request, server, after: count)
        }
        if let length, length != count {
            throw ImageFailure(server, "it announced \(length) bytes and sent \(count)")
        }
        if let wanted = ReprDigest.sha256(inField: stream.header("Repr-Digest")), wanted != digest.finish() {
            let failure = ImageFailure(server, "the \(count) bytes it sent are not those that its checksum is of")
            guard file.isInPlace else { throw failure }
            throw CommandError(.inputOutput, "image \(image), which is written already: \(failure.reason)")
        }
        return count
    }

    /// What an earlier attempt has written in place is passed over.
    private func write(_ piece: [UInt8], at place: UInt64, to file: NewFile) throws {
        guard file.isInPlace else { return try file.write(piece) }
        let end = place + UInt64(piece.count)
        guard end > inPlaceBytes else { return }
        try file.write(inPlaceBytes > place ? Array(piece[Int(inPlaceBytes - place)...]) : piece)
        inPlaceBytes = end
    }

    private func file(for type: String) throws -> NewFile {
        if let inPlace { return inPlace }
        let file = try NewFile(path ?? freeName(type))
        if file.isInPlace { inPlace = file }
        unfinished.set(file)
        return file
    }

    /// Names of one image in one folder.
    private static let namesMax = 10_000

    private func freeName(_ type: String) throws(CommandError) -> String {
        for attempt in 0..<Self.namesMax {
            let name = ImageFileName.name(of: image, type: type, attempt: attempt)
            var status = stat()
            if lstat(name, &status) != 0 { return name }
        }
        let name = ImageFileName.name(of: image, type: type)
        throw CommandError(.cannotCreate, "\(name) and \(Self.namesMax - 1) others are there; -o FILE names another")
    }

    /// Returns where it is.
    private func keep(_ file: NewFile, _ type: String) throws(CommandError) -> String {
        if let path {
            try file.keep()
            return path
        }
        // Another process may have taken the name meanwhile.
        for _ in 0..<100 {
            let name = try freeName(type)
            if try file.keep(asNew: name) { return name }
        }
        throw CommandError(.cannotCreate, "others take every name for image \(image) here; -o FILE names another")
    }
}
