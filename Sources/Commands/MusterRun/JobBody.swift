package import MusterAPI
package import MusterCommandLine
internal import MusterCore
internal import MusterFileLists
internal import MusterJSON
internal import MusterWire

/// The request that makes the job, written value by value. It is what is sent, and the only place where the values are kept: a
/// million of them cost their own bytes and four more each.
package struct JobBody: Sendable {
    /// Bytes of all values together, as JSON.
    package static let bytesMax = Limits.bodyBytesMax - (1 << 20)

    private var json = JSONWriter(reserving: 1 << 16)
    /// Where each task's input begins; a comma may stand before it.
    private var starts: [UInt32] = []
    private var end = 0

    package init() {
        json.beginObject()
        json.key("inputs")
        json.beginArray()
    }

    /// Tasks.
    package var count: Int { starts.count }

    /// One more task, with a value of each source. Throws a `CommandError` where they are too many.
    package mutating func append(_ values: [ArraySlice<UInt8>]) throws(CommandError) {
        starts.append(UInt32(json.bytes.count))
        if values.count == 1 {
            write(values[0])
        } else {
            json.beginArray()
            for value in values { write(value) }
            json.endArray()
        }
        try checkSize("values")
    }

    /// One more task, with a block of standard input. Throws a `CommandError` where they are too many.
    package mutating func append(block: [UInt8]) throws(CommandError) {
        starts.append(UInt32(json.bytes.count))
        json.shortText(block)
        try checkSize("blocks")
    }

    private func checkSize(_ what: String) throws(CommandError) {
        guard json.bytes.count > Self.bytesMax else { return }
        throw CommandError(
            .data,
            "the first \(Format.count(count)) \(what) have more than \(Self.bytesMax >> 20) MiB; run them in several parts"
        )
    }

    /// One more task, whose input is written already. Throws a `CommandError` where they are too many.
    mutating func append(input: [UInt8]) throws(CommandError) {
        starts.append(UInt32(json.bytes.count))
        json.raw(input)
        try checkSize("values")
    }

    /// The whole body; nothing is appended after it. The request has neither inputs nor a count of its own.
    package mutating func finish(_ request: JobRequest) -> [UInt8] {
        end = json.bytes.count
        json.endArray()
        var request = request
        (request.inputs, request.count) = (nil, count)
        // Its fields, behind the inputs.
        json.raw(request.body.dropFirst())
        return json.bytes
    }

    /// The same tasks in another order.
    package func permuted(_ order: [Int]) -> JobBody {
        var body = JobBody()
        body.starts.reserveCapacity(order.count)
        for task in order {
            body.starts.append(UInt32(body.json.bytes.count))
            body.json.raw(input(task))
        }
        return body
    }

    /// The task's values, one of each source.
    package func values(of task: Int) -> [[UInt8]] {
        var input = JSONValue(line: input(task))
        if let parts = try? TaskInput(input) { input = parts.value }
        return (input.elements ?? [input]).map(Self.bytes)
    }

    /// As it stands in the request.
    package func input(_ task: Int) -> ArraySlice<UInt8> {
        let bytes = json.bytes
        let end = task + 1 < starts.count ? Int(starts[task + 1]) : end > 0 ? end : bytes.count
        let text = bytes[Int(starts[task])..<end]
        return text.first == UInt8(ascii: ",") ? text.dropFirst() : text
    }

    private mutating func write(_ value: ArraySlice<UInt8>) { json.text(value) }

    private static func bytes(_ value: JSONValue) -> [UInt8] { value.textBytes ?? [] }
}
