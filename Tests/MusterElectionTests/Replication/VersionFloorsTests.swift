import MusterElection
import Testing

@Suite struct VersionFloorsTests {
    @Test func nothingOlderIsAdmitted() {
        var floors = VersionFloors()
        let steps: [(image: Int64, version: UInt64, isAdmitted: Bool)] = [
            (1, 5, true), (1, 5, true), (1, 4, false), (2, 1, true), (1, 6, true), (1, 5, false), (2, 0, false),
            (3, 0, true), (.max, .max, true), (.max, .max - 1, false),
        ]
        for step in steps { #expect(floors.admits(step.image, step.version) == step.isAdmitted, "\(step)") }
        floors.raise(1, to: 9)
        floors.raise(1, to: 7)
        #expect(floors.admits(1, 8) == false)
        floors.reset()
        #expect(floors.admits(1, 1) == true)
    }

    @Test func theLatestAreRemembered() {
        var floors = VersionFloors()
        let count = Int64(VersionFloors.imagesMax)
        for image in 0..<count { floors.raise(image, to: 10) }
        // Raised again, the first is the latest.
        floors.raise(0, to: 11)
        for image in count..<count + 10 { floors.raise(image, to: 10) }
        #expect(floors.count == VersionFloors.imagesMax)
        for image in 1...10 { #expect(floors.admits(Int64(image), 1) == true, "forgotten: \(image)") }
        #expect(floors.admits(0, 10) == false)
        #expect(floors.admits(count + 9, 9) == false)
    }

    /// One image that changes for ever, beside others that were forgotten or raised to what they were before.
    @Test func staysBoundedThroughManyChanges() {
        var floors = VersionFloors()
        let count = Int64(VersionFloors.imagesMax)
        for image in 0..<count + 1_000 { floors.raise(image, to: 1) }
        for image in 0..<500 { floors.raise(Int64(image), to: 1) }
        for version in 2..<UInt64(3 * count) { floors.raise(7, to: version) }
        for image in count..<3 * count { floors.raise(image, to: 2) }
        #expect(floors.count == VersionFloors.imagesMax)
        for image in 2 * count + 100..<3 * count { #expect(floors.admits(image, 1) == false) }
    }
}
