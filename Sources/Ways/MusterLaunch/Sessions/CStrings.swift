/// Strings as C takes them, made once: arguments of a program, or variables of its environment. None holds a zero byte.
///
/// `@unchecked Sendable`: nobody changes it after its making.
package final class CStrings: @unchecked Sendable {
    let pointers: [UnsafeMutablePointer<CChar>?]
    private let room: UnsafeMutablePointer<CChar>

    package init(_ texts: [[UInt8]]) {
        precondition(!texts.contains { $0.contains(0) }, "a zero byte in what C is to be told")
        room = .allocate(capacity: texts.reduce(1) { $0 + $1.count + 1 })
        var pointers: [UnsafeMutablePointer<CChar>?] = []
        pointers.reserveCapacity(texts.count)
        var place = room
        for text in texts {
            text.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: place, count: text.count).copyMemory(from: $0) }
            place[text.count] = 0
            pointers.append(place)
            place += text.count + 1
        }
        self.pointers = pointers
    }

    deinit { room.deallocate() }
}
