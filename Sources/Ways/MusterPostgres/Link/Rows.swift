internal import CPostgres
internal import MusterStore

/// What a statement answered: its rows, columns in binary form, and how many it wrote. Of one thread.
final class Rows {
    private let result: OpaquePointer
    let count: Int

    /// Takes the result over.
    init(_ result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
    }

    deinit { PQclear(result) }

    /// Rows that were inserted, changed or removed; of a SELECT, answered.
    var affected: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    /// `COMMIT`, or `ROLLBACK` where a transaction that was to be committed had failed.
    var tag: String { String(cString: PQcmdStatus(result)) }

    var indices: Range<Int> { 0..<count }

    func isNull(_ row: Int, _ column: Int) -> Bool { PQgetisnull(result, Int32(row), Int32(column)) != 0 }

    /// Valid as long as the rows are.
    func raw(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: PQgetvalue(result, Int32(row), Int32(column)),
            count: Int(PQgetlength(result, Int32(row), Int32(column))))
    }

    /// An integer of any width; 0 for NULL.
    func int64(_ row: Int, _ column: Int) -> Int64 {
        let bytes = raw(row, column)
        guard let first = bytes.first else { return 0 }
        return bytes.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) }
    }

    func int(_ row: Int, _ column: Int) -> Int { Int(int64(row, column)) }
    func flag(_ row: Int, _ column: Int) -> Bool { raw(row, column).first == 1 }

    func real(_ row: Int, _ column: Int) -> Double {
        Double(bitPattern: UInt64(bitPattern: int64(row, column)))
    }

    func bytes(_ row: Int, _ column: Int) -> [UInt8] { Array(raw(row, column)) }
    func text(_ row: Int, _ column: Int) -> String { String(decoding: raw(row, column), as: UTF8.self) }
}
