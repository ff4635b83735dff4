package import MusterScheduling

/// `POST /assign/all`: tuples of numbers to be added up, each by the worker it is dealt to.
package struct AssignRequest: Hashable, Sendable {
    /// Tuples of one request.
    package static let tuplesMax = 100_000
    /// Numbers of one tuple.
    package static let numbersMax = 64
    /// How many pairs are made up where none are given, and from which numbers.
    package static let randomPairs = 100
    package static let randomNumbers = 1...1_000

    /// One tuple a line, 1…`tuplesMax` of them; nil: `randomPairs` random pairs.
    package var dataset: LineColumn?

    package init(dataset: LineColumn?) { self.dataset = dataset }

    /// No body, or an object with `dataset`, a list of lists of numbers. Throws a `Problem`: 400 for what is not JSON, 422
    /// for the rest, with the value.
    package init(body: [UInt8]) throws(Problem) {
        var fields = try JSONFields(body: body, emptyAllowed: true)
        let given = fields.value("dataset")
        try fields.finish()
        guard let given else { return }
        guard let tuples = given.elements else { throw fields.wrong("dataset", given, "a list of tuples") }
        guard (1...Self.tuplesMax).contains(tuples.count) else {
            throw Problem(
                422, "\"dataset\" has \(tuples.count) tuples; 1 to \(Self.tuplesMax) are possible.", code: "field")
        }
        var column = LineColumn()
        column.reserve(bytes: given.bytes.count)
        for (place, tuple) in tuples.enumerated() {
            if let trouble = Self.trouble(of: tuple) {
                throw Problem(422, "\"dataset[\(place)]\" \(trouble)", code: "field")
            }
            column.append(line: tuple.bytes)
        }
        dataset = column
    }

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

    package var body: [UInt8] {
        var json = JSONWriter(reserving: 32 + (dataset?.bytes.count ?? 0))
        json.beginObject()
        if let dataset {
            json.key("dataset")
            json.array(lines: dataset.bytes)
        }
        json.endObject()
        return json.bytes
    }
}
