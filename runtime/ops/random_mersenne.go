package ops

import "math"

// mersenne is the random number generator MT19937 of Matsumoto and Nishimura
// ("Mersenne Twister", 1998). It is seeded and read as numpy's RandomState is,
// so that seeded operators give the numbers of the standard's reference
// implementation.
type mersenne struct {
	state [624]uint32
	next  int
	// spare is the second number of the last pair of normal ones.
	spare    float64
	hasSpare bool
}

// newMersenne returns the generator for a seed.
func newMersenne(seed uint32) *mersenne {
	m := &mersenne{next: len(mersenne{}.state)}
	for i := range m.state {
		m.state[i] = seed
		seed = 1812433253*(seed^seed>>30) + uint32(i) + 1
	}
	return m
}

// refill computes the next 624 numbers.
func (m *mersenne) refill() {
	const n, shift = 624, 397
	for i := range m.state {
		y := m.state[i]&0x80000000 | m.state[(i+1)%n]&0x7fffffff
		v := m.state[(i+shift)%n] ^ y>>1
		if y&1 == 1 {
			v ^= 0x9908b0df
		}
		m.state[i] = v
	}
	m.next = 0
}

// uint32 returns 32 random bits.
func (m *mersenne) uint32() uint32 {
	if m.next == len(m.state) {
		m.refill()
	}
	y := m.state[m.next]
	m.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// uniform returns a number from 0 to below 1, a multiple of 2^-53.
func (m *mersenne) uniform() float64 {
	high, low := m.uint32()>>5, m.uint32()>>6
	return (float64(high)*(1<<26) + float64(low)) / (1 << 53)
}

// normal returns a number from the standard normal distribution, by
// Marsaglia's polar method.
func (m *mersenne) normal() float64 {
	if m.hasSpare {
		m.hasSpare = false
		return m.spare
	}
	for {
		a, b := 2*m.uniform()-1, 2*m.uniform()-1
		if r := a*a + b*b; r > 0 && r < 1 {
			f := math.Sqrt(-2 * math.Log(r) / r)
			m.spare, m.hasSpare = f*a, true
			return f * b
		}
	}
}
