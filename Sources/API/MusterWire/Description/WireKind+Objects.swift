package import MusterCore
package import MusterJSON

extension WireKind where Value: WireType {
    /// An object that is described itself.
    package static var object: WireKind {
        WireKind(Value.schema) { fields, name throws(Problem) in
            guard let inner = try fields.object(name) else { return nil }
            return try Value(consuming: inner)
        } write: {
            $0.write(to: &$1)
        }
    }
}

extension WireKind {
    /// An array of such objects; the document gives no bound where `countMax` is not given.
    package static func objects<Item: WireType>(countMax: Int = .max) -> WireKind where Value == [Item] {
        WireKind(.list(Item.schema, 0...countMax)) { fields, name throws(Problem) in
            guard let values = try fields.elements(name, countMax: countMax) else { return nil }
            var items: [Item] = []
            items.reserveCapacity(values.count)
            for value in values { items.append(try Item(consuming: JSONFields(value, path: fields.place(name)))) }
            return items
        } write: { items, json in
            json.beginArray()
            for item in items { item.write(to: &json) }
            json.endArray()
        }
    }
}

extension WireKind {
    /// An array of objects that nobody here reads.
    package static func written<Item: WireWritable>() -> WireKind where Value == [Item] {
        WireKind(.list(Item.schema)) { fields, name in
            _ = fields.value(name)
            return nil
        } write: { items, json in
            json.beginArray()
            for item in items { item.write(to: &json) }
            json.endArray()
        }
    }
}

extension WireKind {
    /// An object of such objects, by what they are about, in this order; nobody here reads it.
    package static func written<Item: WireWritable>() -> WireKind where Value == [(key: String, value: Item)] {
        WireKind(.map(Item.schema)) { fields, name in
            _ = fields.value(name)
            return nil
        } write: { items, json in
            json.beginObject()
            for (key, item) in items {
                json.key(named: key)
                item.write(to: &json)
            }
            json.endObject()
        }
    }
}

extension WireKind {
    /// An array of simple values; `wanted` names them where one is something else, for which `read` answers nil.
    package static func values<Item>(
        _ schema: Schema, _ wanted: String, countMax: Int = .max, read: @escaping @Sendable (JSONValue) -> Item?,
        write: @escaping @Sendable (Item, inout JSONWriter) -> Void
    ) -> WireKind where Value == [Item] {
        WireKind(.list(schema, 0...countMax)) { fields, name throws(Problem) in
            guard let values = try fields.elements(name, countMax: countMax) else { return nil }
            var items: [Item] = []
            for value in values {
                guard let item = read(value) else { throw fields.wrong(name, value, wanted) }
                items.append(item)
            }
            return items
        } write: { items, json in
            json.beginArray()
            for item in items { write(item, &json) }
            json.endArray()
        }
    }
}

extension WireKind {
    /// An array of ids.
    package static func ids<ID: RawRepresentable<Int64>>() -> WireKind where Value == [ID] {
        .values(.id, "a list of ids, from 1") {
            $0.int.flatMap { $0 > 0 ? ID(rawValue: Int64($0)) : nil }
        } write: {
            $1.value($0.rawValue)
        }
    }
}

extension WireKind where Value == [UInt8] {
    /// The text of any object, passed on as it is.
    package static var anyObject: WireKind {
        WireKind(.object) { fields, name throws(Problem) in
            guard let value = fields.value(name) else { return nil }
            guard value.kind == .object else { throw fields.wrong(name, value, "an object") }
            return Array(value.bytes)
        } write: {
            $1.raw($0)
        }
    }
}

extension WireKind {
    /// An array whose values are passed on as they are, one a line. The document tells their number and what they are; who
    /// reads looks at them.
    package static func column(of item: Schema = .any, _ count: ClosedRange<Int> = 0...Int.max) -> WireKind
    where Value == LineColumn {
        WireKind(.list(item, count)) { fields, name throws(Problem) in
            try fields.column(name)
        } write: {
            $1.array(lines: $0.bytes)
        }
    }
}

extension WireKind where Value == [String: String] {
    /// Written in the order of their keys.
    package static func strings(countMax: Int) -> WireKind { strings(.map(.string, countMax: countMax), countMax) }
    /// In an answer.
    package static var proses: WireKind { strings(.map(.prose), Int.max) }
    private static func strings(_ schema: Schema, _ countMax: Int) -> WireKind {
        WireKind(schema) { fields, name throws(Problem) in
            try fields.strings(name, countMax: countMax)
        } write: { strings, json in
            json.beginObject()
            for key in strings.keys.sorted() {
                json.key(named: key)
                json.value(strings[key]!)
            }
            json.endObject()
        }
    }
}
