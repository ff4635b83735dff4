internal import MusterCommandLine
internal import MusterFileLists
internal import MusterFileTransfer
internal import TaskFiles

/// Brings what tasks returned into the current folder, those of many tasks at once.
@MainActor final class ReturnedFiles {
    private let overwrites: Bool
    /// What a task is to return; nil: nobody knows.
    private let names: ((Int) throws -> [InnerPath])?
    private let origin: () async throws -> OriginClient
    private var arrival: FileArrival?

    /// `origin` is asked for when the first file is to come.
    init(
        overwrites: Bool, names: ((Int) throws -> [InnerPath])?, origin: @escaping () async throws -> OriginClient
    ) {
        (self.overwrites, self.names, self.origin) = (overwrites, names, origin)
    }

    /// The same tasks; those whose files did not come have failed here. Throws a `FileTrouble` where that is nobody's own matter: the disk is
    /// full, the origin is away.
    func bring(_ ends: [TaskEnd]) async throws -> [TaskEnd] {
        if arrival == nil { arrival = FileArrival(from: try await origin(), folder: try InnerFolder(".")) }
        guard let arrival else { return ends }
        var ends = ends
        var wanted: [FileArrival.Wanted] = []
        for (place, end) in ends.enumerated() {
            if let names, try names(end.task) != end.files.map(\.path) {
                ends[place].loseFiles("its worker returned other files than it was asked for")
                continue
            }
            wanted += end.files.map { FileArrival.Wanted(owner: place, item: $0) }
        }
        for (place, reason) in try await arrival.bring(wanted, overwrites: overwrites) { ends[place].loseFiles(reason) }
        return ends
    }
}
