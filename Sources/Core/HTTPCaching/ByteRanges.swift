/// `Range: bytes=…` (RFC 9110 14).
package enum ByteRanges {
    /// One member of the field. Positions that do not fit are `Int.max`.
    package enum Spec: Equatable, Sendable {
        /// `first-last`, both included; `last` is nil in `first-`.
        case from(Int, to: Int?)
        /// `-count`: the last so many bytes.
        case suffix(Int)
    }

    package enum Answer: Equatable, Sendable {
        /// 200: no `Range`, one that does not count, or one that asks for too much.
        case whole
        /// 206, as one body or `multipart/byteranges`: 1 to `partsMax` ranges, none empty.
        case parts([Range<Int>])
        /// 416.
        case unsatisfiable(ContentRange)
    }

    /// More parts than this after joining what overlaps get the whole body: framing them would cost more than they save,
    /// and many small ranges are a known way to overload a server (RFC 9110 14.2 and 17.15).
    package static let partsMax = 16
    /// More members than this in the field and it is ignored unread.
    static let specsMax = 1024

    /// Nil when the field is malformed, of another unit, or too long: it is then ignored (14.2).
    package static func parse(_ value: String) -> [Spec]? {
        let value = FieldSyntax.trimmed(Substring(value))
        guard let equals = value.utf8.firstIndex(of: UInt8(ascii: "=")), FieldSyntax.same(value[..<equals], "bytes")
        else {
            return nil
        }
        let members = FieldSyntax.members(of: value[value.utf8.index(after: equals)...])
        guard (1...specsMax).contains(members.count) else { return nil }
        var specs: [Spec] = []
        for member in members {
            guard let spec = spec(member) else { return nil }
            specs.append(spec)
        }
        return specs
    }

    private static func spec(_ member: Substring) -> Spec? {
        let ends = member.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        if ends[0].isEmpty { return FieldSyntax.number(ends[1], max: .max).map { .suffix($0) } }
        guard let first = FieldSyntax.number(ends[0], max: .max) else { return nil }
        if ends[1].isEmpty { return .from(first, to: nil) }
        guard let last = FieldSyntax.number(ends[1], max: .max), first <= last else { return nil }
        return .from(first, to: last)
    }

    /// Of a representation of `bytes` bytes. Ranges keep the order they were asked in; if any overlap or touch, all are
    /// joined and put in ascending order (14.2 and 15.3.7.2). What covers the whole is still a 206.
    package static func resolve(_ specs: [Spec], bytes: Int) -> Answer {
        let ranges = specs.compactMap { range($0, bytes: bytes) }.filter { !$0.isEmpty }
        if ranges.isEmpty { return .unsatisfiable(ContentRange(unsatisfiedOf: bytes)) }
        let joined = ByteIntervals(ranges).ranges
        let parts = joined.count == ranges.count ? ranges : joined
        return parts.count > partsMax ? .whole : .parts(parts)
    }

    private static func range(_ spec: Spec, bytes: Int) -> Range<Int>? {
        switch spec {
        case .suffix(let count): return max(0, bytes - min(count, bytes))..<bytes
        case .from(let first, let last):
            guard first < bytes else { return nil }
            return first..<(last.map { min($0, bytes - 1) + 1 } ?? bytes)
        }
    }

    /// What of `stored`, `bytes` bytes long as a whole, answers a request that may be answered from it. `Range` counts for
    /// GET of a 200 or 206 only, and only once.
    package static func answer(
        to request: CacheRequest, from stored: StoredResponse, bytes: Int, nowMs: Int
    ) -> Answer {
        guard request.isGet, stored.status == 200 || stored.status == 206 else { return .whole }
        return answer(to: request.fields, stored.validators, bytes: bytes, nowMs: nowMs)
    }

    /// The same of a GET for what has these validators.
    package static func answer(to fields: HeaderFields, _ own: Validators, bytes: Int, nowMs: Int) -> Answer {
        let lines = fields.values("Range")
        guard lines.count == 1, let specs = parse(lines[0]), Preconditions.allowsRange(fields, own, nowMs: nowMs)
        else { return .whole }
        return resolve(specs, bytes: bytes)
    }
}
