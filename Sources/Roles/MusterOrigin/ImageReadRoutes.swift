internal import MusterAPI
internal import MusterHTTP
internal import MusterRole
internal import MusterSystem
internal import MusterWire

/// Images by id: reading.
///
/// What is at hand is answered on the HTTP thread; a first look at a file, which may block, runs on threads of its own.
final class ImageReadRoutes: Sendable {
    /// So often a reader tries again when the image changes under it, a second in all: an upload's file is in place some
    /// time before it is told of.
    private static let attemptsMax = 10

    private let store: ImageStore
    private let images: OpenImages
    private let answers: ImageAnswers
    private let threads: ThreadPool

    init(_ store: ImageStore, _ images: OpenImages, _ answers: ImageAnswers, threads: ThreadPool) {
        (self.store, self.images, self.answers, self.threads) = (store, images, answers, threads)
    }

    func image(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try request.imageID()
        guard let record = try servable(id) else { return .respond(missing(id)) }
        if let answer = try answers.withoutBytes(request, record) { return .respond(answer) }
        if let image = images.atHand(record), !ImageRanges.mayBlock(request, image) {
            return .respond(try answers.bytes(of: image, to: request))
        }
        return .task { [self] in
            for attempt in 0..<Self.attemptsMax {
                if attempt > 0 { try await Task.sleep(for: .milliseconds(1 << attempt)) }
                guard let record = try servable(id) else { return missing(id) }
                if let answer = try answers.withoutBytes(request, record) { return answer }
                do {
                    let image: OpenImage
                    if let atHand = images.atHand(record) {
                        image = atHand
                    } else {
                        image = try await images.open(record)
                        // Deleted or replaced meanwhile: nobody else would let go of the file.
                        if store[id]?.record.version != record.version { images.drop(id) }
                    }
                    return try await threads.perform { [answers] in try answers.bytes(of: image, to: request) }
                } catch is OpenImage.Replaced {
                    continue
                } catch let error as DiskFailure {
                    throw error.problem
                }
            }
            throw Problem(
                503,
                "The file of image \(id) is not the one that the origin knows: it changes too often, or others touch"
                    + " it. If that lasts, restart the origin.", retryAfter: 1)
        }
    }

    /// Nil: there is none. Throws a `Problem` (500) for a damaged one.
    private func servable(_ id: ImageID) throws(Problem) -> ImageRecord? {
        guard let entry = store[id] else { return nil }
        if entry.isDamaged { throw OpenImages.problem(id, "its trailer is missing or broken") }
        return entry.record
    }

    func size(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try request.imageID()
        guard let record = try servable(id) else { return .respond(missing(id)) }
        if let answer = try answers.withoutBytes(request, record) { return .respond(answer) }
        let size = ImageSize(id: id, size: record.size)
        return .respond(.json(size.body, headers: answers.validators(record)))
    }

    private func missing(_ id: ImageID) -> HTTPResponse { answers.missing(id, at: store.figures.version) }
}

extension HTTPRequest {
    /// Throws a `Problem` (422) that names what is no id.
    func imageID() throws(Problem) -> ImageID { try ImageID(text: parameters["id"] ?? "") }
}
