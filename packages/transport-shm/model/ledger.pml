/*
 * The ledger, the entries and the tallies of a bounded mailbox: `look`, `apply`, `commit`, `hasPlace`, `post`,
 * `promote`, `withdraw`, `claimSeen`, `take` and `giveBack` (packages/native/src/shm/mailbox.cc), and `retire`
 * (mailbox_life.cc). Any process, but for one, may die between any two statements; the one then sweeps.
 *
 * Shown: nothing is received twice; nothing is lost of which its sender was told that it was accepted; there are never
 * more messages than the capacity; no place is lost; where there is a place, nobody waits, whoever died; one receiver
 * gets the messages in the order of acceptance; and nobody waits for the dead: what moves no more is complete.
 *
 * The order of the accesses to shared memory is that of the code, and memory is sequentially consistent; of the fields of a
 * turn each half is written and read at once. A search of the index is one statement: what it looks for cannot change without
 * the ledger's changing, after which the swap of the ledger, or of the entry found, fails.
 *
 *   BUG=1  an emptied entry keeps its lap
 *   BUG=2  a participant has one turn, not two
 *   BUG=3  who sweeps a receiver that died while it took a message does not ask how far it came
 *   BUG=4  who takes a message does not say so beforehand
 *   BUG=5  who has begun to wait does not look for a place again
 *   BUG=6  a claim is no swap
 *   BUG=7  nobody completes the turn of another
 *   BUG=8  who finds that nobody waits says so, though another has begun to meanwhile
 *   BUG=9  who begins to wait says so after it has looked for a place again
 */

#ifndef BUG
#define BUG 0
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef RECEIVERS
#define RECEIVERS 1
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef SENT
#define SENT 1
#endif
#ifdef IMPATIENT
#define impatience true
#else
#define impatience false
#endif
/* As many as can be in use at once; one more would only make more states. */
#define ENTRIES MESSAGES
/* Participant 0 sends messages 0 to SENT - 1, participant 1 the others; 2 and perhaps 3 receive. The sweeper is 4. */
#define PARTICIPANTS 5
#define sender(message) ((message) >= SENT)

#define EMPTY 0
#define WAITING 1
#define FULL 2
#define CLAIMED 3

/* | lap | message | claimant | state | */
#define word(state, who, message, lap) ((state) | (who) << 2 | (message) << 5 | ((lap) & 7) << 7)
#define stateOf(w) ((w) & 3)
#define claimantOf(w) ((w) >> 2 & 7)
#define messageOf(w) ((w) >> 5 & 3)
#define lapOf(w) ((w) >> 7 & 7)
#if BUG == 1
#define emptied(w) word(EMPTY, 0, 0, lapOf(w))
#else
#define emptied(w) word(EMPTY, 0, 0, lapOf(w) + 1)
#endif

#define NOTHING 0
#define APPEND 1
#define CHANGE 2

typedef Turn {
  byte kind, slot;
  short from, to;
  byte accepted, waiting, cursor, sequence
};

Turn turns[PARTICIPANTS * 2];
#if BUG == 2
#define turnOf(who, sequence) turns[(who) * 2]
#else
#define turnOf(who, sequence) turns[(who) * 2 + (sequence) % 2]
#endif

/* | sequence | actor:3 | */
short ledger = 0;
short entry[ENTRIES];
byte ticket[ENTRIES];
byte returns = 0;
/* Header::waits */
byte announced = 0;
byte tally[2];
byte taking[2];
bool dead[PARTICIPANTS + 1];
byte victim = PARTICIPANTS;
bool swept = false;

/* What is known from outside: to the senders, and of what was received. */
bool told[MESSAGES];
bool withdrawn[MESSAGES];
byte received[MESSAGES];
byte inside = 0;

/* The view of a participant, and its next change. */
#define LOCALS \
  short view = -1, now; \
  byte accepted, waiting, cursor; \
  Turn turn; \
  byte slot, known, sum, oldest; \
  short found; \
  bool done, place

#define sequenceOf(w) ((w) >> 3)

inline swapEntry(at, old, new) {
  d_step {
    if
    :: entry[at] == (old) -> entry[at] = (new); done = true
    :: else -> done = false
    fi
  }
}

/* Mailbox::apply of `turn`, `now` being the ledger that points to it. */
inline apply() {
  if
  :: turn.kind != NOTHING && entry[turn.slot] == turn.from ->
     if
     :: turn.kind == APPEND ->
        known = ticket[turn.slot];
        if
        :: ledger != now
        :: else ->
           d_step {
             if
             :: ticket[turn.slot] == known -> ticket[turn.slot] = turn.sequence
             :: else
             fi
           };
           swapEntry(turn.slot, turn.from, turn.to)
        fi
     :: else -> swapEntry(turn.slot, turn.from, turn.to)
     fi
  :: else
  fi
}

/* What is not needed any more, so that states that differ in nothing else are one. */
inline forget() {
  turn.from = 0; turn.to = 0; turn.kind = 0; turn.slot = 0; turn.accepted = 0; turn.waiting = 0; turn.cursor = 0; turn.sequence = 0;
  known = 0; done = false; now = 0
}

inline look() {
  do
  :: now = ledger;
     if
     :: now == view -> now = 0; break
     :: else
     fi;
     d_step {
       turn.from = turnOf(now & 7, sequenceOf(now)).from;
       turn.to = turnOf(now & 7, sequenceOf(now)).to;
       turn.kind = turnOf(now & 7, sequenceOf(now)).kind;
       turn.slot = turnOf(now & 7, sequenceOf(now)).slot;
       turn.sequence = turnOf(now & 7, sequenceOf(now)).sequence
     };
     d_step {
       turn.accepted = turnOf(now & 7, sequenceOf(now)).accepted;
       turn.waiting = turnOf(now & 7, sequenceOf(now)).waiting;
       turn.cursor = turnOf(now & 7, sequenceOf(now)).cursor
     };
     if
     :: ledger == now ->
        /* Else the mailbox would be taken for damaged. */
        assert(turn.sequence == sequenceOf(now));
#if BUG != 7
        apply();
#endif
        d_step { view = now; accepted = turn.accepted; waiting = turn.waiting; cursor = turn.cursor; forget() };
        break
     :: else
     fi
  od;
  skip
}

/* Mailbox::commit of what `turn` says, but for its sequence. */
inline commit(who) {
  d_step {
    turn.sequence = sequenceOf(view) + 1;
    now = turn.sequence << 3 | who;
    turnOf(who, turn.sequence).from = turn.from;
    turnOf(who, turn.sequence).to = turn.to;
    turnOf(who, turn.sequence).kind = turn.kind;
    turnOf(who, turn.sequence).slot = turn.slot
  };
  d_step {
    turnOf(who, turn.sequence).accepted = turn.accepted;
    turnOf(who, turn.sequence).waiting = turn.waiting;
    turnOf(who, turn.sequence).cursor = turn.cursor;
    turnOf(who, turn.sequence).sequence = turn.sequence
  };
  d_step {
    if
    :: ledger == view ->
       ledger = now;
       place = true;
       if
       :: stateOf(turn.to) == FULL -> inside++; assert(inside <= CAPACITY)
       :: else
       fi
    :: else -> place = false
    fi
  };
  if
  :: place ->
     apply();
     d_step { view = now; accepted = turn.accepted; waiting = turn.waiting; cursor = turn.cursor; forget() }
  :: else -> d_step { forget() }
  fi
}

/* Mailbox::hasPlace: the tallies are read one by one. */
inline hasPlace() {
  sum = tally[0];
#if RECEIVERS > 1
  sum = sum + tally[1];
#endif
  place = (accepted - sum < CAPACITY);
  sum = 0
}

/* The oldest that waits, Mailbox::promoteOne. Its message is accepted. */
inline promoteOne(who) {
  d_step {
    found = -1; slot = 0; oldest = 255;
    do
    :: slot < ENTRIES ->
       if
       :: stateOf(entry[slot]) == WAITING && ticket[slot] <= sequenceOf(view) && ticket[slot] < oldest ->
          oldest = ticket[slot]; found = slot
       :: else
       fi;
       slot++
    :: else -> break
    od;
    slot = 0; oldest = 0;
    if
    :: found >= 0 ->
       turn.kind = CHANGE; turn.slot = found;
       turn.from = entry[found];
       turn.to = word(FULL, 0, messageOf(turn.from), lapOf(turn.from));
       turn.accepted = accepted + 1; turn.waiting = waiting - 1; turn.cursor = cursor
    :: else
    fi
  };
  if
  :: found >= 0 -> commit(who)
  /* "the number of sends that wait" */
  :: else -> assert(ledger != view)
  fi;
  found = 0
}

inline promote(who) {
  look();
  do
  :: waiting > 0 ->
     hasPlace();
     if
     :: place -> promoteOne(who); look()
     :: else -> break
     fi
  :: else -> break
  od;
  skip
}

/* Mailbox::withdraw of `found`, which waited in `slot`. */
inline withdraw(who) {
  d_step {
    turn.kind = CHANGE; turn.slot = slot; turn.from = found; turn.to = emptied(found);
    turn.accepted = accepted; turn.waiting = waiting - 1; turn.cursor = cursor
  };
  commit(who)
}

proctype Sender(byte me, first, count; bool impatient) {
  LOCALS;
  byte handle, mine;
  bool waits;
  {
    do
    :: count == 0 -> break
    :: else ->
       do
       :: look();
          hasPlace();
          if
          :: place && waiting > 0 -> promoteOne(me)
          :: else ->
             d_step {
               slot = (cursor + 1) % ENTRIES; oldest = 0;
               do
               :: stateOf(entry[slot]) != EMPTY && oldest < ENTRIES -> slot = (slot + 1) % ENTRIES; oldest++
               :: else -> break
               od;
               assert(oldest < ENTRIES);
               oldest = 0;
               turn.kind = APPEND; turn.slot = slot; turn.cursor = slot;
               turn.from = entry[slot];
               turn.accepted = accepted; turn.waiting = waiting;
               if
               :: place -> turn.to = word(FULL, 0, first, lapOf(turn.from)); turn.accepted++
               :: else -> turn.to = word(WAITING, 0, first, lapOf(turn.from)); turn.waiting++
               fi;
               waits = !place; handle = lapOf(turn.from); mine = slot
             };
             commit(me);
             if
             :: place -> break
             :: else
             fi
          fi
       od;
       if
       :: !waits
       :: else ->
#if BUG != 9
          announced = sequenceOf(view);
#endif
#if BUG != 5
          promote(me);
#endif
#if BUG == 9
          announced = sequenceOf(view);
#endif
          slot = mine;
          end: do
          :: lapOf(entry[slot]) != handle || stateOf(entry[slot]) != WAITING -> break
          :: impatient ->
             look();
             found = entry[slot];
             if
             :: lapOf(found) != handle || stateOf(found) != WAITING -> break
             :: else ->
                withdraw(me);
                if
                :: place -> withdrawn[first] = true; break
                :: else
                fi
             fi
          od;
          skip
       fi;
       d_step { told[first] = !withdrawn[first]; first++; count--; slot = 0; mine = 0; found = 0; handle = 0; waits = false; place = false }
    od
  } unless { dead[me] }
}

proctype Receiver(byte me; bool fickle) {
  LOCALS;
  byte latest, seen, message, since;
  {
    do
    :: seen = returns;
       look();
       d_step {
         found = -1; slot = 0; oldest = 255;
         do
         :: slot < ENTRIES ->
            if
            :: (stateOf(entry[slot]) == FULL || stateOf(entry[slot]) == WAITING) && ticket[slot] <= sequenceOf(view) && ticket[slot] < oldest ->
               oldest = ticket[slot]; found = slot
            :: else
            fi;
            slot++
         :: else -> break
         od;
         slot = 0;
         if
         :: found >= 0 ->
            slot = found; found = entry[slot];
            if
            :: stateOf(found) == WAITING -> found = -1
            :: else
            fi
         :: else
         fi
       };
       if
       :: found < 0 ->
          end: (ledger != view || returns != seen)
       :: else ->
#if BUG == 6
          done = (entry[slot] == found);
          if
          :: done -> entry[slot] = word(CLAIMED, me, messageOf(found), lapOf(found))
          :: else
          fi;
#else
          swapEntry(slot, found, word(CLAIMED, me, messageOf(found), lapOf(found)));
#endif
          if
          :: done ->
             if
             :: fickle ->
                /* giveBack */
                fickle = false;
                entry[slot] = word(FULL, 0, messageOf(found), lapOf(found));
                returns++
             :: true ->
#if BUG != 4
                taking[me - 2] = slot + 1;
#endif
                d_step {
                  message = messageOf(found);
                  received[message]++;
                  assert(received[message] == 1);
                  /* The only one that receives, and nothing has come back to it: in the order of acceptance. */
                  assert(RECEIVERS > 1 || oldest > latest);
                  latest = oldest;
                  inside--;
                  entry[slot] = emptied(found);
                  message = 0
                };
                d_step { tally[me - 2] = tally[me - 2] + 1; taking[me - 2] = 0 };
                /* givePlaces */
                since = announced;
                if
                :: since != 0 ->
                   promote(me);
#if BUG == 8
                   if
                   :: waiting == 0 -> announced = 0
                   :: else
                   fi
#else
                   d_step {
                     if
                     :: waiting == 0 && announced == since -> announced = 0
                     :: else
                     fi
                   }
#endif
                :: else
                fi;
                since = 0
             fi
          :: else
          fi
       fi;
       d_step { slot = 0; found = 0; oldest = 0; done = false }
    od
  } unless { dead[me] }
}

/* Lives, and sweeps when it hears of a death. */
proctype Sweeper() {
  LOCALS;
  byte count;
  bool still;
  end: dead[victim];
  look();
  if
  :: victim >= 2 ->
     d_step { slot = taking[victim - 2]; count = tally[victim - 2] };
     if
     :: slot > 0 ->
        found = entry[slot - 1];
        still = (stateOf(found) == CLAIMED && claimantOf(found) == victim);
#if BUG == 3
        still = true;
#endif
        d_step { tally[victim - 2] = count + (still -> 0 : 1); taking[victim - 2] = 0 }
     :: else
     fi;
     count = 0; still = false
  :: else
  fi;
  slot = 0;
  do
  :: slot == ENTRIES -> break
  :: else ->
     found = entry[slot];
     if
     :: stateOf(found) == CLAIMED && claimantOf(found) == victim ->
        swapEntry(slot, found, word(FULL, 0, messageOf(found), lapOf(found)))
     :: stateOf(found) == WAITING && sender(messageOf(found)) == victim ->
        look();
        if
        :: entry[slot] == found -> withdraw(4)
        :: else
        fi
     :: else -> slot++
     fi
  od;
  returns++;
  promote(4);
  d_step { slot = 0; found = 0; done = false; swept = true };
}

proctype Killer() {
  end: if
  :: victim < PARTICIPANTS -> dead[victim] = true
  fi
}

proctype Judge() {
  byte m, s, there, waits;
  bool lying;
  end: timeout;
  d_step {
    s = 0;
    do
    :: s < ENTRIES ->
       assert(stateOf(entry[s]) != CLAIMED);
       if
       :: stateOf(entry[s]) == FULL -> there++
       :: stateOf(entry[s]) == WAITING -> waits++
       :: else
       fi;
       s++
    :: else -> break
    od;
    /* No place is lost, none is there twice; and nobody waits where there is one. */
    assert(there == inside);
    assert(turnOf(ledger & 7, sequenceOf(ledger)).accepted - tally[0] - tally[1] == there);
    assert(turnOf(ledger & 7, sequenceOf(ledger)).waiting == waits);
    assert(waits == 0 || there == CAPACITY);
    m = 0;
    do
    :: m < MESSAGES ->
       lying = false; s = 0;
       do
       :: s < ENTRIES -> lying = lying || (stateOf(entry[s]) == FULL && messageOf(entry[s]) == m); s++
       :: else -> break
       od;
       assert(!told[m] || received[m] == 1 || lying);
       assert(!withdrawn[m] || (received[m] == 0 && !lying));
       assert(!(lying && received[m] > 0));
       /* Who lives has come to an end: its sends are settled, what it may receive is received. */
       assert(!(lying && !(RECEIVERS == 1 && victim == 2)));
       assert(dead[sender(m)] || told[m] || withdrawn[m] || (RECEIVERS == 1 && victim == 2));
       m++
    :: else -> break
    od
  }
}

init {
  atomic {
    /* As `Mailbox::create` leaves it: turn 0 of participant 0, the cursor before the first place. */
    turns[0].cursor = ENTRIES - 1;
#ifdef VICTIM
    victim = VICTIM;
#endif
    run Sender(0, 0, SENT, false);
    run Sender(1, SENT, MESSAGES - SENT, impatience);
    run Receiver(2, false);
#if RECEIVERS > 1
    run Receiver(3, true);
#endif
    run Sweeper();
    run Killer();
    run Judge()
  }
}
