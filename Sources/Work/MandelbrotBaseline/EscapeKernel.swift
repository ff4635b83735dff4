// The escape iteration, one source for every instruction set: the targets MandelbrotAVX2 and MandelbrotAVX512 compile this
// very file with other flags. What runs is inlined into the one function that leaves the target, and works on raw pointers
// and SIMD values, so that no specialised function, compiled for one processor, can be taken by the linker for all.
//
// Every pixel's value is fixed bit by bit, whatever the target (each line is one rounding, fma has none inside):
//
//     step = span / width
//     cr = fma(x + 0.5 - width / 2, step, re)        ci = fma(height / 2 - y - 0.5, step, im)
//     z1 = c; then, with the values of the step before on the right:
//     zr' = fma(zr, zr, fma(-zi, zi, cr))            zi' = fma(zr + zr, zi, ci)
//
// (x + 0.5 - width / 2 and zr + zr are exact.) The value is the first n in 1...escape with fma(zr, zr, zi * zi) > 4, else 0.
// Who colours between whole steps gets that z as well.

#if MANDELBROT_AVX512
    typealias Lanes = SIMD8<Double>
    typealias Whole = SIMD8<Int64>
#else
    typealias Lanes = SIMD4<Double>
    typealias Whole = SIMD4<Int64>
#endif

/// Steps between two looks at the escape.
@inline(__always) private var blockSteps: Int { 8 }
/// Blocks between two looks at the cancellation: a fraction of a millisecond with vector hardware.
@inline(__always) private var blocksPerPoll: Int { 1_024 }

/// A vector of neighbouring pixels of one row on its way. Lanes that are done stand at zero, which never escapes.
private struct Slot {
    var zr: Lanes
    var zi: Lanes
    var cr: Lanes
    var ci: Lanes
    /// The escape iteration of the lanes that are done.
    var counts: Whole
    /// Where they were then.
    var escapedR: Lanes
    var escapedI: Lanes
    /// All ones where a lane still runs.
    var running: Whole
    /// Steps that the running lanes have made.
    var steps: Int
    /// Where the first lane's count goes; -1 for a slot that is empty.
    var place: Int
    var laneCount: Int
    /// A lane escaped, or nearly, in the block after this state.
    var hasNews: Bool
}

/// What to compute: rows of a picture. `step` is the distance between pixels, `left` and `top` the offsets of the first
/// pixel from the centre, in pixels.
private struct Task {
    var re: Double
    var im: Double
    var step: Double
    var left: Double
    var top: Double
    var width: Int
    var escape: Int
    var pixelCount: Int
}

@inline(__always) private func negated(_ x: Lanes) -> Lanes {
    // As bits, because the compiler folds this into the fused operation, and not the subtraction that `-` is for vectors.
    unsafeBitCast(unsafeBitCast(x, to: Whole.self) ^ Whole(repeating: .min), to: Lanes.self)
}

@inline(__always) private func advance(_ zr: inout Lanes, _ zi: inout Lanes, _ cr: Lanes, _ ci: Lanes) {
    let t = cr.addingProduct(negated(zi), zi)
    zi = ci.addingProduct(zr + zr, zi)
    zr = t.addingProduct(zr, zr)
}

/// Negative where a lane escaped in the block that ended with this z, and perhaps where it only came close.
///
/// Looking at a block's end suffices: with |c| <= 2 a step takes |z| = 2 + d to 2 + 4 d or more, so a lane past the
/// radius by less than the rounding, about 1e-15, in the worst case falls short by 4^8 times that, far less than the
/// margin here. A block starts at |z| <= 2 and ends below 2^350, so nothing overflows or becomes NaN.
@inline(__always) private func margin(_ zr: Lanes, _ zi: Lanes) -> Whole {
    let rest = Lanes(repeating: 4 - 0x1p-20).addingProduct(negated(zi), zi).addingProduct(negated(zr), zr)
    return unsafeBitCast(rest, to: Whole.self)
}

// Comparisons of vectors, and what builds on their masks, are loops over the lanes in the standard library. Signs are not.

/// All ones in the lanes below zero.
@inline(__always) private func negative(_ x: Lanes) -> Whole {
    unsafeBitCast(x, to: Whole.self) &>> 63
}

/// The bits of all lanes.
@inline(__always) private func united(_ x: Whole) -> Int64 {
    #if MANDELBROT_AVX512
        let half = x.lowHalf | x.highHalf
    #else
        let half = x
    #endif
    let quarter = half.lowHalf | half.highHalf
    return quarter[0] | quarter[1]
}

/// All ones in the lanes with |z|^2 > 4.
@inline(__always) private func escaped(_ zr: Lanes, _ zi: Lanes) -> Whole {
    let magnitude = (zi * zi).addingProduct(zr, zr)
    return negative(Lanes(repeating: 4) - magnitude)
}

/// All ones in the lanes that surely never escape: c lies in the main cardioid or the disc of period 2, both shrunk by a
/// thousandth. That far inside, the orbit's attractor has a multiplier below 1 - 5e-4 and draws in by more in one step
/// than rounding errors of 1e-15 push out, so that the iteration could not reach another value.
@inline(__always) private func neverEscapes(_ cr: Lanes, _ ci: Lanes) -> Whole {
    // The cardioid is star-shaped around 0: a c whose multiple by 1.001 is inside is that far inside.
    let (x, y) = (cr * 1.001, ci * 1.001)
    let fromCusp = x - 0.25
    let q = fromCusp * fromCusp + y * y
    let cardioid = negative(q * (q + fromCusp) - 0.25 * y * y)
    let fromCentre = cr + 1
    let disc = negative(fromCentre * fromCentre + ci * ci - 0.0625 * 0.998)
    return cardioid | disc
}

/// Starts the lanes from `pixel` to the row's end at most. Returns the pixel after them.
@inline(__always) private func load(_ slot: UnsafeMutablePointer<Slot>, _ pixel: Int, _ task: Task) -> Int {
    let (y, x) = pixel.quotientAndRemainder(dividingBy: task.width)
    let laneCount = min(Lanes.scalarCount, task.width - x)
    #if MANDELBROT_AVX512
        let ramp = Lanes(0, 1, 2, 3, 4, 5, 6, 7)
    #else
        let ramp = Lanes(0, 1, 2, 3)
    #endif
    let cr = Lanes(repeating: task.re).addingProduct(ramp + (task.left + Double(x)), Lanes(repeating: task.step))
    let row = Lanes(repeating: task.top - Double(y))
    let ci = Lanes(repeating: task.im).addingProduct(row, Lanes(repeating: task.step))
    let present = negative(ramp - Double(laneCount))
    let atOnce = escaped(cr, ci)
    slot.pointee.counts = atOnce & 1
    slot.pointee.running = present & ~atOnce & ~neverEscapes(cr, ci)
    slot.pointee.zr = cr
    slot.pointee.zi = ci
    slot.pointee.cr = cr
    slot.pointee.ci = ci
    slot.pointee.escapedR = cr
    slot.pointee.escapedI = ci
    slot.pointee.steps = 1
    slot.pointee.place = pixel
    slot.pointee.laneCount = laneCount
    slot.pointee.hasNews = false
    rest(slot)
    return pixel + laneCount
}

@inline(__always) private func masked(_ x: Lanes, _ mask: Whole) -> Lanes {
    unsafeBitCast(unsafeBitCast(x, to: Whole.self) & mask, to: Lanes.self)
}

/// The first where the mask is all ones, else the second.
@inline(__always) private func chosen(_ x: Lanes, _ y: Lanes, _ mask: Whole) -> Lanes {
    unsafeBitCast(
        unsafeBitCast(x, to: Whole.self) & mask | unsafeBitCast(y, to: Whole.self) & ~mask, to: Lanes.self)
}

/// Puts the lanes that are done to zero.
@inline(__always) private func rest(_ slot: UnsafeMutablePointer<Slot>) {
    let running = slot.pointee.running
    slot.pointee.zr = masked(slot.pointee.zr, running)
    slot.pointee.zi = masked(slot.pointee.zi, running)
    slot.pointee.cr = masked(slot.pointee.cr, running)
    slot.pointee.ci = masked(slot.pointee.ci, running)
}

/// Makes up to a block of steps, looking at each.
@inline(__always) private func advanceClosely(_ slot: UnsafeMutablePointer<Slot>, _ escape: Int) {
    var (zr, zi) = (slot.pointee.zr, slot.pointee.zi)
    let (cr, ci) = (slot.pointee.cr, slot.pointee.ci)
    var (running, counts) = (slot.pointee.running, slot.pointee.counts)
    let end = min(slot.pointee.steps + blockSteps, escape)
    var step = slot.pointee.steps
    while step < end {
        step += 1
        advance(&zr, &zi, cr, ci)
        let new = escaped(zr, zi) & running
        counts |= new & Whole(repeating: Int64(step))
        slot.pointee.escapedR = chosen(zr, slot.pointee.escapedR, new)
        slot.pointee.escapedI = chosen(zi, slot.pointee.escapedI, new)
        running &= ~new
    }
    slot.pointee.zr = zr
    slot.pointee.zi = zi
    slot.pointee.counts = counts
    slot.pointee.running = step == escape ? .zero : running
    slot.pointee.steps = step
    slot.pointee.hasNews = false
    rest(slot)
}

@inline(__always) private func isDone(_ slot: UnsafeMutablePointer<Slot>) -> Bool {
    united(slot.pointee.running) == 0
}

@inline(__always) private func store(
    _ slot: UnsafeMutablePointer<Slot>, _ counts: UnsafeMutablePointer<UInt32>, _ orbits: UnsafeMutablePointer<Double>?
) {
    if let orbits {
        let target = orbits + 2 * slot.pointee.place
        for lane in 0..<slot.pointee.laneCount {
            target[2 * lane] = slot.pointee.escapedR[lane]
            target[2 * lane + 1] = slot.pointee.escapedI[lane]
        }
    }
    let target = counts + slot.pointee.place
    #if MANDELBROT_AVX512
        let narrow = SIMD8<UInt32>(truncatingIfNeeded: slot.pointee.counts)
    #else
        let narrow = SIMD4<UInt32>(truncatingIfNeeded: slot.pointee.counts)
    #endif
    if slot.pointee.laneCount == Lanes.scalarCount {
        UnsafeMutableRawPointer(target).storeBytes(of: narrow, as: type(of: narrow))
    } else {
        for lane in 0..<slot.pointee.laneCount { target[lane] = narrow[lane] }
    }
}

/// Takes up the next lanes that have something to compute. Returns false, and leaves the slot empty, when there are none.
@inline(__always) private func refill(
    _ slot: UnsafeMutablePointer<Slot>, _ task: Task, _ counts: UnsafeMutablePointer<UInt32>,
    _ orbits: UnsafeMutablePointer<Double>?, _ next: inout Int
) -> Bool {
    while next < task.pixelCount {
        next = load(slot, next, task)
        if !isDone(slot) { return true }
        store(slot, counts, orbits)
    }
    slot.pointee.running = .zero
    slot.pointee.place = -1
    slot.pointee.hasNews = false
    rest(slot)
    return false
}

@inline(__always) private func isNegative(_ x: Whole) -> Bool { united(x) < 0 }

/// Keeps what a block has come to if no lane escaped in it.
@inline(__always) private func settle(
    _ slot: UnsafeMutablePointer<Slot>, _ zr: Lanes, _ zi: Lanes, _ margin: Whole
) {
    slot.pointee.hasNews = isNegative(margin)
    if slot.pointee.hasNews { return }
    slot.pointee.zr = zr
    slot.pointee.zi = zi
    slot.pointee.steps += blockSteps
}

/// Vectors in flight: as many as cover the latency of the fused operations and fit the registers. `run` names each,
/// because only variables of its own stay in registers.
@inline(__always) private var slotCount: Int { 6 }

/// Runs all slots by whole blocks until one has news: then the slots with news stand before that block, the others after.
/// Returns the blocks that all have made.
@inline(__always) private func run(_ s: UnsafeMutablePointer<Slot>, blocks: Int) -> Int {
    var (r0, i0) = (s[0].zr, s[0].zi)
    var (r1, i1) = (s[1].zr, s[1].zi)
    var (r2, i2) = (s[2].zr, s[2].zi)
    var (r3, i3) = (s[3].zr, s[3].zi)
    var (r4, i4) = (s[4].zr, s[4].zi)
    var (r5, i5) = (s[5].zr, s[5].zi)
    @inline(__always) func advanceAll() {
        advance(&r0, &i0, s[0].cr, s[0].ci)
        advance(&r1, &i1, s[1].cr, s[1].ci)
        advance(&r2, &i2, s[2].cr, s[2].ci)
        advance(&r3, &i3, s[3].cr, s[3].ci)
        advance(&r4, &i4, s[4].cr, s[4].ci)
        advance(&r5, &i5, s[5].cr, s[5].ci)
    }
    @inline(__always) func keepAll() {
        (s[0].zr, s[0].zi) = (r0, i0)
        (s[1].zr, s[1].zi) = (r1, i1)
        (s[2].zr, s[2].zi) = (r2, i2)
        (s[3].zr, s[3].zi) = (r3, i3)
        (s[4].zr, s[4].zi) = (r4, i4)
        (s[5].zr, s[5].zi) = (r5, i5)
    }
    for made in 0..<blocks {
        keepAll()
        for _ in 0..<blockSteps { advanceAll() }
        let m0 = margin(r0, i0)
        let m1 = margin(r1, i1)
        let m2 = margin(r2, i2)
        let m3 = margin(r3, i3)
        let m4 = margin(r4, i4)
        let m5 = margin(r5, i5)
        if isNegative(m0 | m1 | m2 | m3 | m4 | m5) {
            settle(s + 0, r0, i0, m0)
            settle(s + 1, r1, i1, m1)
            settle(s + 2, r2, i2, m2)
            settle(s + 3, r3, i3, m3)
            settle(s + 4, r4, i4, m4)
            settle(s + 5, r5, i5, m5)
            return made
        }
    }
    keepAll()
    return blocks
}

/// The escape iterations of `rowCount` rows of a picture, row by row from the top, into `counts`: width x rowCount of them.
/// Pixel (x, y) lies at re + (left + x) * step and im + (top - y) * step. `orbits`, where it is given, takes two numbers a
/// pixel, real and imaginary part of its z at the escape; what it takes of pixels that do not escape means nothing.
///
/// Returns false when `isCancelled`, asked every fraction of a millisecond (longer without vector hardware), said so.
/// The caller has checked the bounds: width, rowCount and escape are 1...2^31 - 1.
@inline(never)
package func escapeCounts(
    re: Double, im: Double, step: Double, left: Double, top: Double, width: Int, escape: Int, rowCount: Int,
    counts: UnsafeMutablePointer<UInt32>, orbits: UnsafeMutablePointer<Double>?, context: UnsafeRawPointer,
    isCancelled: @convention(c) (UnsafeRawPointer) -> Bool
) -> Bool {
    let task = Task(
        re: re, im: im, step: step, left: left, top: top, width: width, escape: escape, pixelCount: width * rowCount)
    let slots = UnsafeMutablePointer<Slot>.allocate(capacity: slotCount)
    defer { slots.deallocate() }
    var next = 0
    var (inFlight, budget) = (0, blocksPerPoll)
    for place in 0..<slotCount where refill(slots + place, task, counts, orbits, &next) { inFlight += 1 }
    while inFlight > 0 {
        var blocks = max(0, budget)
        for place in 0..<slotCount where slots[place].place >= 0 {
            blocks = min(blocks, (escape - slots[place].steps) / blockSteps)
        }
        let made = run(slots, blocks: blocks)
        budget -= made + 1
        if budget <= 0 {
            if isCancelled(context) { return false }
            budget = blocksPerPoll
        }
        for place in 0..<slotCount where slots[place].place >= 0 {
            let slot = slots + place
            slot.pointee.steps += made * blockSteps
            guard slot.pointee.hasNews || slot.pointee.steps + blockSteps > escape else { continue }
            advanceClosely(slot, escape)
            guard isDone(slot) else { continue }
            store(slot, counts, orbits)
            if !refill(slot, task, counts, orbits, &next) { inFlight -= 1 }
        }
    }
    return true
}
