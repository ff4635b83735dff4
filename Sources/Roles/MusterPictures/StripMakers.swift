/// A picture that is answered in one piece.
package struct WholeFile: Sendable {
    package let bytes: [UInt8]
    /// `Muster-Workers`: who made it. Nil: not told, or nobody's.
    package let makers: String?

    package init(bytes: [UInt8], makers: String?) { (self.bytes, self.makers) = (bytes, makers) }

    /// Its headers, with these before.
    package func headers(_ others: [(name: String, value: String)]) -> [(name: String, value: String)] {
        others + (makers.map { [(StripMakers.fieldName, $0)] } ?? [])
    }
}

/// Who made how many strips of a picture, as a header's value: a list of RFC 9651, in which each worker's name is a Display String, so
/// that any text is safe, and `strips` its share. Those who made most stand first:
/// `%"worker-1";strips=3, %"b%c3%bcro";strips=1`. Where not all have room, `others;workers=2;strips=5` ends it.
package struct StripMakers: Sendable {
    package static let fieldName = "Muster-Workers"
    /// Bytes of the value. One name of any kind has room.
    package static let fieldBytesMax = 1_024

    private var strips: [String: Int] = [:]

    package init() {}

    /// One more strip; an empty name is nobody's.
    package mutating func add(_ worker: String) {
        if !worker.isEmpty { strips[worker, default: 0] += 1 }
    }

    /// Nil: nobody made any.
    package var field: String? {
        let rest = "others;workers=000;strips=000, ".utf8.count
        var items: [String] = []
        var (bytes, told) = (0, 0)
        let order = strips.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        for (worker, count) in order {
            let item = "\(Self.displayString(worker));strips=\(count)"
            guard bytes + item.utf8.count + 2 + rest <= Self.fieldBytesMax else { break }
            items.append(item)
            bytes += item.utf8.count + 2
            told += count
        }
        if items.count < order.count {
            let left = order.reduce(0) { $0 + $1.value } - told
            items.append("others;workers=\(order.count - items.count);strips=\(left)")
        }
        return items.isEmpty ? nil : items.joined(separator: ", ")
    }

    /// RFC 9651, 4.1.11.
    static func displayString(_ text: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bytes = Array("%\"".utf8)
        for byte in text.utf8 {
            if (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "%"), byte != UInt8(ascii: "\"") {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes + [UInt8(ascii: "\"")], as: UTF8.self)
    }
}
