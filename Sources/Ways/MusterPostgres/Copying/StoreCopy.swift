internal import Glibc
package import MusterStore

/// Moves a fleet's state from one database into another, which must be empty: all rows in one transaction, so that it is there whole or
/// not at all. The old one is only read; neither is opened as a coordinator would, who migrates it and takes it over from others.
package enum StoreCopy {
    /// Blocks. `told` hears how many rows there are, and then how many are copied. Returns their number.
    ///
    /// Throws `.conflict` where there is nothing to copy or the target is not empty, `.locked` where a coordinator runs,
    /// `.incompatible` for a store of another version, and what reading and writing throw.
    package static func copy(
        _ source: StorePlace, to target: StorePlace, told: (_ done: Int, _ total: Int) -> Void
    ) throws(StoreError) -> Int {
        guard source != target else { throw StoreError.conflict("\(source) is to be copied to itself") }
        guard try isThere(source) else { throw StoreError.conflict("there is no store at \(source)") }
        if case .sqlite(let path) = target, access(path, F_OK) == 0 { throw notEmpty(target) }
        let old: any StoredTables =
            switch source {
            case .sqlite(let path): try SQLiteTables(reading: path)
            case .postgres(let url): try PostgresTables(reading: url)
            }
        let new: any StoredTables =
            switch target {
            case .sqlite(let path): try SQLiteTables(making: path)
            case .postgres(let url): try PostgresTables(making: url)
            }
        return try copyTables(old, source, new, target, told)
    }

    private static func copyTables(
        _ old: any StoredTables, _ source: StorePlace, _ new: any StoredTables, _ target: StorePlace,
        _ told: (_ done: Int, _ total: Int) -> Void
    ) throws(StoreError) -> Int {
        for table in StoredTable.all where !table.isSingle {
            guard try new.count(table) == 0 else { throw notEmpty(target) }
        }
        var total = 0
        for table in StoredTable.all { total += try old.count(table) }
        var done = 0
        told(done, total)
        for table in StoredTable.all {
            try old.read(table) { (rows) throws(StoreError) in
                try new.write(table, rows)
                done += rows.count
                told(done, total)
            }
        }
        try new.setLastSequence(old.lastSequence())
        for table in StoredTable.all {
            let (wanted, there) = (try old.count(table), try new.count(table))
            guard wanted == there else {
                throw StoreError(
                    .io(0),
                    "\(target) has \(there) rows of the table \(table.name), \(source) has \(wanted): nothing was kept",
                    isRetryable: false)
            }
        }
        try old.commit()
        try new.commit()
        return done
    }

    /// Whether there is a store.
    package static func isThere(_ place: StorePlace) throws(StoreError) -> Bool {
        switch place {
        case .sqlite(let path): access(path, F_OK) == 0
        case .postgres(let url): try PostgresTables.isThere(Connection.open(url))
        }
    }

    private static func notEmpty(_ target: StorePlace) -> StoreError {
        .conflict(
            "there is a store at \(target) already: copy to a new file, or to a database without the schema muster")
    }
}
