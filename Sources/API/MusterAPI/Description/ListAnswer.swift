/// What is answered in lists: `{"jobs": […]}`.
package protocol WireListed: WireWritable {
    /// The field that has the list.
    static var listName: String { get }
    /// By which the document tells of the list.
    static var listSchemaName: String { get }
    static var listKind: WireKind<[Self]> { get }
}

extension WireListed {
    package static var listKind: WireKind<[Self]> { .written() }
}

extension WireListed where Self: WireType {
    package static var listKind: WireKind<[Self]> { .objects() }
}

/// A list in an object of its own, so that later versions may answer more beside it.
package struct ListAnswer<Item: WireListed>: WireWritable {
    package var items: [Item]

    package init(_ items: [Item]) { self.items = items }

    package var bytesExpected: Int { items.reduce(64) { $0 + $1.bytesExpected } }
    package static var schemaName: String { Item.listSchemaName }
    package static var fields: [WireField<ListAnswer>] { [.always(Item.listName, \.items, Item.listKind)] }
}

extension ListAnswer: WireType where Item: WireType {
    package static var blank: ListAnswer { ListAnswer([]) }
}
