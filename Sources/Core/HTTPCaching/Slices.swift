/// What of a range a cache asks of its upstream: whole slices, so that all who want something near by are one fetch.
package enum Slices {
    /// Bytes.
    package static let bytes = 1 << 20
    /// A client waits for bytes that are at most so many ahead of what has come; for others it asks itself.
    package static let aheadMax = 2 * bytes

    package static func start(_ place: Int) -> Int { place / bytes * bytes }

    /// Behind the slice of the byte before `end`. Nil: so far that all to the end is meant.
    package static func end(_ end: Int) -> Int? { end >= 1 << 60 ? nil : (end + bytes - 1) / bytes * bytes }
}
