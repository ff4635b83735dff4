package import MusterCore
package import MusterJSON
package import MusterWire

/// `POST /assign/all`: tuples of numbers to be added up, each by the worker it is dealt to.
package struct AssignRequest: Hashable, WireRequest {
    /// Tuples of one request.
    package static let tuplesMax = 100_000
    /// Numbers of one tuple.
    static let numbersMax = 64
    /// How many pairs are made up where none are given, and from which numbers.
    package static let randomPairs = 100
    static let randomNumbers = 1...1_000

    /// One tuple a line, 1…`tuplesMax` of them; nil: `randomPairs` random pairs.
    package var dataset: LineColumn?

    package init(dataset: LineColumn?) { self.dataset = dataset }

    package static let mayBeEmpty = true
    package var bytesExpected: Int { 32 + (dataset?.bytes.count ?? 0) }
    package static let blank = AssignRequest(dataset: nil)
    package static let fields: [WireField<AssignRequest>] = [
        .may(
            "dataset", \.dataset, tupleColumn,
            "1 to 100000 lists of 1 to 64 numbers; default 100 pairs of random numbers from 1 to 1000.")
    ]

    /// What makes a value no tuple, with the value; nil for a good one.
    package static func trouble(of tuple: JSONValue) -> String? {
        guard let numbers = tuple.elements else {
            return "must be a list of numbers, such as [3,4], not \(JSONFields.shown(tuple))."
        }
        guard (1...numbersMax).contains(numbers.count) else {
            return "has \(numbers.count) numbers; 1 to \(numbersMax) are possible: \(JSONFields.shown(tuple))."
        }
        if let wrong = numbers.first(where: { $0.double == nil }) {
            return "must hold finite numbers only, not \(JSONFields.shown(wrong))."
        }
        return nil
    }

    /// The tuples, made up if none are given.
    package var tuples: LineColumn {
        if let dataset { return dataset }
        var made = LineColumn()
        for _ in 0..<Self.randomPairs {
            let pair = (Int.random(in: Self.randomNumbers), Int.random(in: Self.randomNumbers))
            made.append(line: "[\(pair.0),\(pair.1)]".utf8)
        }
        return made
    }

    /// The job that adds them up.
    package var job: JobRequest {
        let tuples = tuples
        return JobRequest(kernel: "sum", count: tuples.count, inputs: tuples)
    }
}

extension AssignRequest {
    private static var tupleColumn: WireKind<LineColumn> {
        let counts = 1...tuplesMax
        let tuple = Schema.list(.number, 1...numbersMax)
        return WireKind<LineColumn>(.list(tuple, counts)) { fields, name throws(Problem) in
            guard let given = fields.value(name) else { return nil }
            guard let tuples = given.elements else { throw fields.wrong(name, given, "a list of tuples") }
            guard counts.contains(tuples.count) else {
                throw Problem(
                    422, "\"\(name)\" has \(tuples.count) tuples; 1 to \(counts.upperBound) are possible.",
                    code: "field")
            }
            var column = LineColumn()
            column.reserve(bytes: given.bytes.count)
            for (place, tuple) in tuples.enumerated() {
                if let trouble = trouble(of: tuple) {
                    throw Problem(422, "\"\(name)[\(place)]\" \(trouble)", code: "field")
                }
                column.append(line: tuple.bytes)
            }
            return column
        } write: {
            $1.array(lines: $0.bytes)
        }
    }
}
