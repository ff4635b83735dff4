internal import Glibc
internal import MusterAPI
internal import MusterLog
internal import MusterRole
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// The images that an origin has at hand, each checked once, however many ask for it at that moment.
final class OpenImages: Sendable {
    /// Open files, and bytes of images in memory. Beyond either the quarter that was not asked for longest is let go.
    static let filesMax = 512
    static let bytesMax = 64 << 20

    private struct Held {
        var image: OpenImage
        var lastUse: UInt64
    }

    private struct State {
        var held: [ImageID: Held] = [:]
        var files = 0
        var bytes = 0
        var uses: UInt64 = 0
        var waiting: [ImageID: [CheckedContinuation<Result<OpenImage, any Error>, Never>]] = [:]
        /// Files that were found damaged, to be told without reading them again.
        var damaged: [ImageID: (look: FileLook, reason: String)] = [:]
    }

    private let state = Mutex(State())
    private let folder: ImageFolder
    private let threads: ThreadPool

    init(_ folder: ImageFolder, threads: ThreadPool) { (self.folder, self.threads) = (folder, threads) }

    var damagedCount: Int { state.withLock { $0.damaged.count } }

    /// Without blocking: nil when it must be opened first.
    func atHand(_ record: ImageRecord) -> OpenImage? {
        let image = state.withLock { state -> OpenImage? in
            guard let held = state.held[record.id], held.image.record.version == record.version else { return nil }
            state.uses += 1
            state.held[record.id]?.lastUse = state.uses
            return held.image
        }
        guard let image, !image.isUntouched else { return image }
        drop(record.id)
        return nil
    }

    /// Checked now, by one of those who ask. Throws a `Problem` (500) for damage, `OpenImage.Replaced` when there is a
    /// newer version.
    func open(_ record: ImageRecord) async throws -> OpenImage {
        if let known = damage(of: record) { throw known }
        let result = await withCheckedContinuation { continuation in
            let isFirst = state.withLock { state in
                state.waiting[record.id, default: []].append(continuation)
                return state.waiting[record.id]?.count == 1
            }
            guard isFirst else { return }
            let (folder, threads) = (folder, threads)
            Task {
                let result: Result<OpenImage, any Error>
                do {
                    result = .success(try await threads.perform { try OpenImage(record, in: folder) })
                } catch {
                    result = .failure(error)
                }
                self.opened(record, result)
            }
        }
        switch result {
        case .success(let image):
            // Who came while another version was being opened is as wrong as the file.
            guard image.record.version == record.version else { throw OpenImage.Replaced() }
            return image
        case .failure(let error as OpenImage.Damaged): throw Self.problem(record.id, error.reason)
        // A file that was just deleted or replaced; the index will say so.
        case .failure(let error as DiskFailure) where error.code == ENOENT: throw OpenImage.Replaced()
        case .failure(let error as DiskFailure): throw error.problem
        case .failure(let error): throw error
        }
    }

    private func opened(_ record: ImageRecord, _ result: Result<OpenImage, any Error>) {
        let waiting = state.withLock { state in
            switch result {
            case .success(let image): hold(image, &state)
            case .failure(let error as OpenImage.Damaged):
                state.damaged[record.id] = (error.look, error.reason)
                Log.error(
                    "a damaged image is not served; restore its file, or put or delete the image",
                    ["file": folder.path(of: record.id), "why": error.reason])
            case .failure: break
            }
            return state.waiting.removeValue(forKey: record.id) ?? []
        }
        for continuation in waiting { continuation.resume(returning: result) }
    }

    private func hold(_ image: OpenImage, _ state: inout State) {
        drop(image.record.id, &state)
        state.damaged[image.record.id] = nil
        state.uses += 1
        state.held[image.record.id] = Held(image: image, lastUse: state.uses)
        if let bytes = image.bytes { state.bytes += bytes.count } else { state.files += 1 }
        guard state.files > Self.filesMax || state.bytes > Self.bytesMax else { return }
        let oldest = state.held.sorted { $0.value.lastUse < $1.value.lastUse }.map(\.key)
        for id in oldest.prefix(oldest.count / 4 + 1) where id != image.record.id { drop(id, &state) }
    }

    /// The image changed: what is at hand is of no more use.
    func drop(_ id: ImageID) {
        state.withLock { state in
            drop(id, &state)
            state.damaged[id] = nil
        }
    }

    private func drop(_ id: ImageID, _ state: inout State) {
        guard let held = state.held.removeValue(forKey: id) else { return }
        if let bytes = held.image.bytes { state.bytes -= bytes.count } else { state.files -= 1 }
    }

    private func damage(of record: ImageRecord) -> Problem? {
        guard let known = state.withLock({ $0.damaged[record.id] }),
            known.look == FileLook(path: folder.path(of: record.id))
        else { return nil }
        return Self.problem(record.id, known.reason)
    }

    static func problem(_ id: ImageID, _ reason: String) -> Problem {
        Problem(
            500,
            "Image \(id) is damaged on the origin's disk: \(reason). Put it again, delete it, or restore its file"
                + " and restart the origin.", code: "damaged")
    }
}
