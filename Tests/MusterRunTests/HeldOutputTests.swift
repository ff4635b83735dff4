import MusterCommandLine
import MusterRun
import MusterTestKit
import Testing

@Suite struct HeldOutputTests {
    private func printed(_ task: Int, bytes: Int = 4) -> Printed {
        Printed(
            stdout: Array(repeating: UInt8(task), count: bytes), stderr: Array(repeating: UInt8(task) | 0x80, count: 2))
    }

    private func order(_ arrivals: [Int], bytes: Int = 4, memoryBytesMax: Int = 8 << 20) throws -> [Int] {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        var held = HeldOutput(memoryBytesMax: memoryBytesMax, folder: folder.path)
        var found: [Int] = []
        func take(_ printed: Printed) {
            #expect(printed == self.printed(Int(printed.stdout[0]), bytes: bytes))
            found.append(Int(printed.stdout[0]))
        }
        for task in arrivals { try held.take(task, printed(task, bytes: bytes), print: take) }
        #expect(folder.names(in: "").isEmpty, "its file has no name")
        try held.finish(print: take)
        #expect(held.heldCount == 0)
        return found
    }

    @Test(arguments: [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [1, 0, 3, 2, 4]])
    func inTheOrderOfTheTasks(_ arrivals: [Int]) throws {
        #expect(try order(arrivals) == [0, 1, 2, 3, 4])
        #expect(try order(arrivals, bytes: 5_000, memoryBytesMax: 0) == [0, 1, 2, 3, 4])
        #expect(try order(arrivals, bytes: 5_000, memoryBytesMax: 10_000) == [0, 1, 2, 3, 4])
    }

    /// Of a job that was cancelled some tasks never end.
    @Test func whatIsMissingIsPassedOver() throws {
        #expect(try order([5, 3, 0, 7, 6], memoryBytesMax: 10) == [0, 3, 5, 6, 7])
    }

    @Test func nothingIsPrintedBeforeItsTurn() throws {
        var held = HeldOutput(folder: "/nowhere")
        var count = 0
        for task in 1..<100 { try held.take(task, printed(task)) { _ in count += 1 } }
        #expect(count == 0 && held.heldCount == 99)
        try held.take(0, printed(0)) { _ in count += 1 }
        #expect(count == 100 && held.heldCount == 0 && held.next == 100)
    }

    @Test func aFolderThatTakesNothingIsNamed() throws {
        var held = HeldOutput(memoryBytesMax: 0, folder: "/nowhere")
        let error = #expect(throws: CommandError.self) { try held.take(1, printed(1)) { _ in } }
        #expect(error?.exitCode == .inputOutput && error?.message.contains("/nowhere") == true)
    }

    @Test func everyTaskIsTakenOnce() {
        var received = ReceivedTasks(of: 3)
        #expect(received.insert(1) && !received.insert(1) && received.firstMissing == 0)
        #expect(received.insert(0) && received.firstMissing == 2)
        #expect(received.insert(200) && received.count == 3 && received.contains(200) && !received.contains(199))
        #expect(received.insert(2) && received.firstMissing == 3)
    }
}
