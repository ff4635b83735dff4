internal import MusterElection
internal import Synchronization

/// Below which version each image must not be stored, as the origin told it.
final class ImageFloors: Sendable {
    private let floors = Mutex(VersionFloors())

    func raise(_ image: Int64, to version: UInt64) { floors.withLock { $0.raise(image, to: version) } }

    /// Another origin counts from the beginning.
    func reset() { floors.withLock { $0.reset() } }

    /// Runs `store`, unless a newer version is known of.
    func ifAdmitted(_ image: Int64, _ version: UInt64, _ store: () -> Void) {
        floors.withLock { floors in
            if floors.admits(image, version) { store() }
        }
    }
}
