internal import MusterAPI
internal import MusterCore

/// Which files an origin has, how long each is kept, and how much room there is.
///
/// Pure. Whoever drives it removes from the disk what it takes out.
struct FileIndex {
    struct Entry: Hashable {
        /// Bytes.
        var size: UInt64
        /// Before that it is not dropped.
        var until: Moment
        /// Its bytes were held against its name since this process began.
        var isChecked: Bool
    }

    /// Files at one time.
    static let filesMax = 2_000_000
    /// Files whose time is over are found by slices of so many seconds.
    private static let sliceSeconds: Int64 = 60

    /// Of all files, those that are coming in included.
    let bytesMax: UInt64
    private var entries: [FileDigest: Entry] = [:]
    /// Bytes of the files.
    private(set) var stored: UInt64 = 0
    /// Bytes that are coming in, or are sure to.
    private(set) var reserved: UInt64 = 0
    /// By the slice in which a file was due when it was put here; it may be due later by now.
    private var due: [Int64: [FileDigest]] = [:]

    init(bytesMax: UInt64) { self.bytesMax = bytesMax }

    var count: Int { entries.count }
    subscript(digest: FileDigest) -> Entry? { entries[digest] }

    /// Bytes that may come yet.
    var room: UInt64 { bytesMax > stored + reserved ? bytesMax - stored - reserved : 0 }

    /// False, and nothing is taken, where there is not so much room.
    mutating func reserve(_ bytes: UInt64) -> Bool {
        guard bytes <= room else { return false }
        reserved += bytes
        return true
    }

    mutating func release(_ bytes: UInt64) {
        precondition(bytes <= reserved, "\(bytes) bytes given back of \(reserved)")
        reserved -= bytes
    }

    /// False where it was there: it is kept for longer then.
    mutating func put(_ digest: FileDigest, size: UInt64, until: Moment, isChecked: Bool) -> Bool {
        if keep(digest, until: until) { return false }
        entries[digest] = Entry(size: size, until: until, isChecked: isChecked)
        stored += size
        due[Self.slice(of: until), default: []].append(digest)
        return true
    }

    /// False where it is not here. Never shortens.
    mutating func keep(_ digest: FileDigest, until: Moment) -> Bool {
        guard let entry = entries[digest] else { return false }
        // It stays in the slice where it is; looked at there, it finds its later one.
        if entry.until < until { entries[digest]?.until = until }
        return true
    }

    mutating func isChecked(_ digest: FileDigest) { entries[digest]?.isChecked = true }

    @discardableResult mutating func remove(_ digest: FileDigest) -> Entry? {
        guard let entry = entries.removeValue(forKey: digest) else { return nil }
        stored -= entry.size
        return entry
    }

    /// Files whose time is over, some of them; they are still here. To be asked again until there are none.
    mutating func overdue(_ now: Moment, limit: Int) -> [FileDigest] {
        var found: [FileDigest] = []
        for slice in due.keys.sorted() where slice < Self.slice(of: now) && found.count < limit {
            for digest in due.removeValue(forKey: slice) ?? [] {
                guard let entry = entries[digest] else { continue }
                if entry.until <= now { found.append(digest) }
                // A file that is taken out leaves nothing behind; one that is kept after all is found again.
                due[max(Self.slice(of: entry.until), Self.slice(of: now)), default: []].append(digest)
            }
        }
        return found
    }

    private static func slice(of moment: Moment) -> Int64 { moment.nanoseconds / (sliceSeconds * 1_000_000_000) }
}
