/*
 * Arming, looking again and waking: `Mailbox::block`, `sleepReceiving`, `awake`, `wake`, `ring` and `wakeReceivers`
 * (packages/native/src/shm/mailbox.cc), `Mailbox::retire` (mailbox_life.cc), and `park`, `wakened`, `waitSync` and
 * `cancelReceive` (packages/transport-shm/src/mailbox.ts).
 *
 * Each receiver waits for one message, in a thread that blocks or in an event loop that polls its bell. A receiver may
 * give up, and one may die, at any statement. Shown: when nothing moves any more, no message lies there for a receiver
 * that sleeps. No time-outs help: `waitSync` looks up every 100 ms, this model never.
 *
 * Not shown, because it is not so: that a waker which is stopped, and not dead, between clearing a bit and ringing holds up
 * nobody. Whom it was to wake sleeps on until it continues, or, if that is a thread, until its next look.
 *
 * The order of statements is that of the code; memory is sequentially consistent, as those operations are here.
 *
 *   BUG=1  does not look again after it has set its bit
 *   BUG=2  who gives up does not pass on the wake-up that may have been meant for it
 *   BUG=3  of a death hears only who sweeps, and it wakes those whose bits are set. That does not do: the dead may have
 *          cleared a bit, and not have rung yet
 *   BUG=4  a view that has found a message claimed is not built anew when that comes back
 *   BUG=5  who blocks reads its futex after it has looked again
 */

#ifndef BUG
#define BUG 0
#endif
#ifndef DECLINES
#define DECLINES false
#endif
#ifndef MESSAGES
#define MESSAGES 1
#endif
#ifndef RECEIVERS
#define RECEIVERS 2
#endif
#define NOBODY 255

mtype = { nothing, lying, claimed, taken };

/* Message m is accepted by turn m + 1 of the ledger. Those of odd number have the type that choosy receivers want. */
byte ledger = 0;
byte returns = 0;
mtype state[MESSAGES] = nothing;
byte claimant[MESSAGES] = NOBODY;

bool idle[RECEIVERS];
bool choosy[RECEIVERS];
byte futex[RECEIVERS];
bool sync[RECEIVERS];
/* In futex(2). */
bool blocked[RECEIVERS];
bool bell[RECEIVERS];

bool dead[RECEIVERS];
bool swept = false;
bool sleeps[RECEIVERS];

#define takes(r, m) (!choosy[r] || (m) % 2 == 1)

/* Mailbox::wake and ring: whoever clears the bit wakes. */
inline wake(number, woke) {
  woke = false;
  if
  :: idle[number] ->
     d_step { woke = idle[number]; idle[number] = false };
     if
     :: woke ->
        futex[number]++;
        if
        :: sync[number] -> blocked[number] = false
        :: else -> bell[number] = true
        fi
     :: else
     fi
  :: else
  fi
}

/* Mailbox::wakeReceivers: one that takes anything, and all that are choosy. */
inline wakeReceivers(self, number, one, woke) {
  d_step { one = false; number = 0 };
  do
  :: number < RECEIVERS ->
     if
     :: number == self
     :: number != self && idle[number] && choosy[number] -> wake(number, woke)
     :: number != self && idle[number] && !choosy[number] && !one -> wake(number, woke); one = woke
     :: else
     fi;
     number++
  :: else -> break
  od;
  skip;
  d_step { number = 0; one = false; woke = false }
}

proctype Sender(byte first, count) {
  byte number;
  bool one, woke;
  byte mine;
  do
  :: count > 0 ->
     atomic { mine = ledger; assert(state[mine] == nothing); state[mine] = lying; ledger++ };
     wakeReceivers(NOBODY, number, one, woke);
     count--
  :: else -> break
  od
}

/* Mailbox::claim: what the ledger stood for when it was read; `gone` is what this view has seen claimed. */
inline claim() {
  latest = ledger;
  if
  :: returns != seen ->
     d_step { seen = returns;
#if BUG != 4
       gone = 0
#endif
     }
  :: else
  fi;
  d_step {
    do
    :: m < latest && !got ->
       if
       :: takes(me, m) && !(gone & (1 << m)) ->
          if
          :: state[m] == lying -> state[m] = claimed; claimant[m] = me; got = true
          :: else -> gone = gone | (1 << m); m++
          fi
       :: else -> m++
       fi
    :: else -> break
    od
  };
  if
  :: got ->
     if
     :: state[m] = taken; m = 0
     /* The call is over, and declines it: Mailbox::giveBack. */
     :: declines ->
        declines = false; got = false; givesUp = true;
        d_step { state[m] = lying; claimant[m] = NOBODY; m = 0 };
        returns++;
        wakeReceivers(me, number, one, woke)
     fi
  :: else -> m = 0
  fi
}

/* Of a death every process hears by itself: SharedMailbox.sweep ends with wakened(). */
#if BUG == 3
#define hears false
#else
#define hears (swept && !heard)
#endif

#define changed (ledger != latest || returns != seen)

inline awake() {
  if
  :: idle[me] -> idle[me] = false
  :: else
  fi
}

/* Mailbox::block, once it has spun. */
inline block() {
#if BUG != 5
  value = futex[me];
#endif
  sync[me] = true;
  idle[me] = true;
  if
#if BUG != 1
  :: changed
#endif
  :: else ->
#if BUG == 5
     value = futex[me];
#endif
     atomic { blocked[me] = (futex[me] == value); sleeps[me] = true };
     endBlocked: if
     :: !blocked[me]
     :: hears -> heard = true
     :: impatient -> givesUp = true
     fi;
     d_step { blocked[me] = false; sleeps[me] = false }
  fi;
  awake();
  sync[me] = false
}

/* SharedMailbox.park, the bell, SharedMailbox.wakened */
inline park() {
  idle[me] = true;
#if BUG != 1
  claim();
#endif
  if
  :: got
  :: else ->
     sleeps[me] = true;
     endParked: if
     :: bell[me]
     :: hears -> heard = true
     :: impatient -> givesUp = true
     fi;
     sleeps[me] = false;
     bell[me] = false
  fi;
  /* cancelReceive looks before it clears its bit. */
  if
  :: givesUp
  :: else -> awake()
  fi
}

proctype Receiver(byte me; bool thread, impatient, declines) {
  byte latest, seen, gone, m, number, value;
  bool got, givesUp, heard, one, woke;
  {
    do
    :: claim();
       if
       :: got || givesUp -> break
       :: else
       fi;
       if
       :: thread -> block()
       :: else -> park()
       fi;
       if
       :: got -> break
       :: else
       fi
    od;
    /* cancelReceive, and wakened without a call that waits: somebody may have meant this one. */
    awake();
#if BUG != 2
    wakeReceivers(me, number, one, woke);
#endif
    /* In a loop the bell may have rung since. */
    end: do
    :: bell[me] ->
       bell[me] = false;
       awake();
#if BUG != 2
       wakeReceivers(me, number, one, woke)
#endif
    od
  } unless { dead[me] };
  d_step { sleeps[me] = false; blocked[me] = false }
}

/* Mailbox::sweep by somebody who lives, after the death of `victim`. */
proctype Sweeper(byte victim) {
  byte m, number;
  bool woke;
  dead[victim] = true;
  m = 0;
  do
  :: m < MESSAGES ->
     atomic {
       if
       :: state[m] == claimed && claimant[m] == victim -> state[m] = lying; claimant[m] = NOBODY
       :: else
       fi
     };
     m++
  :: else -> break
  od;
  m = 0;
  idle[victim] = false;
  returns++;
  number = 0;
  do
  :: number < RECEIVERS -> wake(number, woke); number++
  :: else -> break
  od;
  swept = true
}

/* When nothing moves any more. */
proctype Judge() {
  byte m, r;
  end: timeout;
  d_step {
    m = 0;
    do
    :: m < MESSAGES ->
       assert(state[m] != claimed);
       r = 0;
       do
       :: r < RECEIVERS -> assert(!(state[m] == lying && sleeps[r] && !dead[r] && takes(r, m))); r++
       :: else -> break
       od;
       m++
    :: else -> break
    od
  }
}

init {
  atomic {
    bool thread[RECEIVERS];
    byte r, which = RECEIVERS;
    do
    :: r < RECEIVERS ->
#ifdef THREADS
       thread[r] = THREADS >> r & 1;
#else
       if
       :: thread[r] = true
       :: thread[r] = false
       fi;
#endif
       r++
    :: else -> break
    od;
    /* The last of them is patient, and waits for anything. */
#ifdef CHOOSY
    choosy[0] = true;
#endif
#ifdef VICTIM
    which = VICTIM;
#endif
    run Sender(0, 1);
    run Sender(1, MESSAGES - 1);
    r = 0;
    do
    :: r < RECEIVERS - 1 -> run Receiver(r, thread[r], true, DECLINES); r++
    :: else -> break
    od;
    run Receiver(r, thread[r], false, false);
    if
    :: which < RECEIVERS -> run Sweeper(which)
    :: else
    fi;
    run Judge()
  }
}
